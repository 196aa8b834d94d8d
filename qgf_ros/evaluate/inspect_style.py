"""How the page of `qgf inspect` looks, on a desk and on a telephone, by day and by night."""

STYLE = """
:root { --good: #1b7f5c; --bad: #c2513a; --look: #96690a; --calm: #2b4c7e; --ink: #23262b; --soft: #6d737c; --line: #d5d9e0; --ground: #fff;
  --card: #f7f8fa }
@media (prefers-color-scheme: dark) { :root { --good: #4cc296; --bad: #ef8168; --look: #d9a941; --calm: #8fb2e8; --ink: #e8eaee;
  --soft: #9aa1ab; --line: #343a44; --ground: #16191e; --card: #1e2229 } }
body { font: 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--ground); margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
h1 { font-size: 1.35rem; margin: 0 0 .2rem; overflow-wrap: anywhere } h2 { font-size: 1.05rem; margin: 2rem 0 .6rem; overflow-wrap: anywhere }
p { margin: .2rem 0 .6rem; color: var(--soft) }
.facts, .grid { display: grid; gap: .7rem } .facts { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); margin-top: 1rem }
.grid { grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .8rem; overflow: hidden }
.card b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums }
.card.bad { border-color: var(--bad); color: inherit } .card.look { border-color: var(--look); color: inherit }
.name { font-weight: 600; overflow-wrap: anywhere } .note { color: var(--soft); font-size: .85em; font-variant-numeric: tabular-nums }
.ends { display: flex; justify-content: space-between; border-top: 1px solid var(--line); color: var(--ink) }
.bad { color: var(--bad) } .look { color: var(--look) } .good { color: var(--good) }
.findings { list-style: none; padding: 0 } .findings li { display: flex; padding: .1rem 0; overflow-wrap: anywhere }
.findings span { flex: 0 0 3.2rem; font-weight: 600 } .findings div { min-width: 0 }
table { border-collapse: collapse; width: 100% }
td, th { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; white-space: nowrap }
td:first-child, th:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; padding-left: 0 }
th { color: var(--soft); font-weight: 500 } th.over { text-align: left; width: 30% }
svg { display: block; width: 100% } .card .name { font-size: .9em } .card .name + svg { margin-top: .4rem }
@media (max-width: 45rem) { tr { display: grid; grid-template-columns: repeat(5, 1fr); border-bottom: 1px solid var(--line); padding: .3rem 0 }
  td, th { border: 0; padding: .1rem 0 } td:first-child, th:first-child, td:last-child, th:last-child { grid-column: 1 / -1 } }
"""
