"""What an attacker would write: values, texts and bytes that lead readers astray. A sentinel file says that one was obeyed."""

from __future__ import annotations

import pickle
import struct
from typing import Any

SENTINEL = "sentinel"  # relative to the folder in which the loader runs: nothing may make it
OUTSIDE = "outside"  # the folder beside the input's, which nothing may open


class _Obeyed:
    """A pickle that makes the sentinel."""

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (SENTINEL, "w")


PICKLES = [pickle.dumps(_Obeyed(), protocol) for protocol in (0, 2, 4)]
PATHS = [
    f"../{OUTSIDE}/model.xml",
    f"../../{OUTSIDE}/model.xml",
    f"../../../{OUTSIDE}/model.xml",
    "/etc/hostname",
    "/proc/self/environ",
    "/dev/zero",
    "/dev/stdin",
    "..",
    ".",
    "",
    "a\0b",
    "x" * 5000,
    f"file:///../{OUTSIDE}/model.xml",
    "~/.ssh/id_rsa",
    "//host/share",
    "circle",
]
NUMBERS = [
    0, -1, 1, 2, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30,
    0.0, -0.0, 1e-320, 1e-9, 0.1, 1e9, 1e38, 1e300, 1.7976931348623157e308, float("inf"), float("-inf"), float("nan"),
]  # fmt: skip
TEXTS = [
    "", " ", "\x00", "\x1b[2J\x1b]0;owned\x07", "\ud800", "ü" * 50, "\u202e", "a\nb: c", "%s%s%n", "${HOME}", "$(touch sentinel)",
    "`touch sentinel`", "'; touch sentinel; '", "{0.__class__}", "__import__('os').system('touch sentinel')", "nan", "1e999",
    "true", "null", "~", "0x10", "1_000", "x" * 20_000, "http.server", "qgf_ros.cli.main", "../../bin/sh",
]  # fmt: skip
YAMLS = [
    f"!!python/object/apply:builtins.open [{SENTINEL}, w]",
    f"a: !!python/object/apply:os.system ['touch {SENTINEL}']",
    f"a: !!python/object/new:os.system ['touch {SENTINEL}']",
    "a: !!python/name:os.system",
    "a: !!python/module:os",
    "a: !!binary aGVsbG8=",
    'a: !!int "x"',
    "a: !!timestamp x",
    "a: !include ../outside/model.xml",
    "a: 2001-99-99",
    "a: 190:20:30:15",
    "a: " + "9" * 5000,
    "a: 0x" + "f" * 5000,
    "a: 0b_\nb: 0x_\nc: ._\nd: +.\n",
    "[" * 3000,
    "{" * 3000,
    "a: &a [*a]",
    "a: &a {<<: *a}",
    "? [a]\n: b",
    "? {a: b}\n: c",
    "a: *b",
    "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "\n".join(
        f"{c}: &{c} [{','.join([f'*{p}'] * 9)}]" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "a: &a {b: 1}\n"
    + "\n".join(
        f"{c}: &{c} {{<<: [{','.join([f'*{p}'] * 9)}]}}" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "\ufeffa: 1",
    "%YAML 9.9\n---\na: 1",
    "a: 1\n---\nb: 2",
    "---\n...\n---",
    "a: 'x\n\n\n",
    "- " * 5000,
    "a: |\n" + " x\n" * 10_000,
    "{" + ",".join(f"a{i}: 1" for i in range(3700)) + "}",
]
JSONS = [
    "[" * 200_000,
    '{"a":' * 50_000,
    '{"a": ' + "9" * 5000 + "}",
    '{"a": 1e999, "b": -1e999, "c": NaN, "d": Infinity}',
    '{"a": 1, "a": 2}',
    '"\\ud800"',
    "null", "true", "1", '"x"', "[]", "{}", "", "\ufeff{}", "{'a': 1}", "{}{}",
]  # fmt: skip
XMLS = [
    "<extension><plugin plugin='mujoco.elasticity.cable'/></extension>",
    f"<include file='../{OUTSIDE}/model.xml'/>",
    f"<include file='../../{OUTSIDE}/model.xml'/>",
    f"<asset><mesh name='m' file='../{OUTSIDE}/mesh.stl'/></asset>",
    f"<asset><mesh name='m' file='../../{OUTSIDE}/mesh.stl'/></asset>",
    f"<compiler meshdir='../../{OUTSIDE}'/><asset><mesh name='m' file='mesh.stl'/></asset>",
    "<asset><texture name='t' type='2d' file='/etc/hostname'/></asset>",
    "<asset><hfield name='h' nrow='30000' ncol='30000' size='1 1 1 1'/></asset>",
    "<asset><texture name='t' type='2d' builtin='flat' width='60000' height='60000'/></asset>",
    "<custom><numeric name='n' size='2000000000'/></custom>",
    "<size memory='900G'/>", "<size nkey='1000000000'/>", "<size nuserdata='2000000000'/>", "<size njmax='2000000000'/>",
    "<size nuser_body='2000000000'/>", "<size nstack='90000000000'/>", "<size memory='-1'/>", "<size nconmax='100000'/>",
    "<worldbody><replicate count='90000000' offset='1 0 0'><geom size='1'/></replicate></worldbody>",
    "<worldbody><flexcomp name='f' type='grid' count='900 900 900' dim='3'/></worldbody>",
    "<worldbody><composite type='grid' count='900 900 1'/></worldbody>",
    "<keyframe>" + "<key/>" * 1000 + "</keyframe>",
    "<default>" * 100 + "</default>" * 100,
    "<worldbody>" + "<body>" * 300 + "</body>" * 300 + "</worldbody>",
    "<sensor><user dim='2000000000'/></sensor>", "<sensor><user dim='20000000'/></sensor>", "<sensor><user dim='90'/></sensor>" * 5000,
    "<asset>" + "".join(f"<texture name='t{i}' builtin='flat' width='4096' height='4096'/>" for i in range(8)) + "</asset>",
    "<asset>" + "".join(f"<texture name='t{i}' type='2d' builtin='flat' width='90' height='90'/>" for i in range(9000)) + "</asset>",
    "<default><texture builtin='flat' width='4000' height='4000'/></default><asset>"
    + "".join(f"<texture name='t{i}'/>" for i in range(4)) + "</asset>",
    "<size nuser_geom='100000'/><worldbody>" + "<geom size='.1'/>" * 1000 + "</worldbody>",
    "<worldbody><geom size='.1' user='" + "1 " * 50_000 + "'/>" + "<geom size='.1'/>" * 3000 + "</worldbody>",
    "<size nkey='100000'/><worldbody>" + "<body><freejoint/><geom size='.1'/></body>" * 100 + "</worldbody>",
    "<worldbody>" + "<body><freejoint/><geom size='.1'/></body>" * 300 + "</worldbody><keyframe>" + "<key/>" * 9000 + "</keyframe>",
    "<worldbody>" + "<body><freejoint/><geom size='.1'/></body>" * 3000 + "</worldbody>", "<worldbody>" + "<body/>" * 9900 + "</worldbody>",
    "<asset><mesh name='q' builtin='plate' params='2000 2000'/></asset>", "<asset><mesh name='q' builtin='cone' params='99999 1'/></asset>",
    "<sensor><contact num='9999999' data='found force torque dist pos normal tangent'/></sensor>", "<sensor><clock nsample='9999999' delay='1'/></sensor>",
    "<actuator><general joint='elbow_joint' dyntype='user' actdim='9999999'/></actuator>",
    "<actuator><motor joint='elbow_joint' delay='1' nsample='9999999'/></actuator>",
    "<compiler><lengthrange mode='all' inttotal='100000' timestep='0.001'/></compiler><actuator><motor joint='elbow_joint'/></actuator>",
    "<actuator>" + "<muscle joint='elbow_joint'/>" * 3000 + "</actuator>", "<default>" + "<default class='d'/>" * 5000 + "</default>",
    "<custom>" + "".join(f"<numeric name='n{i}' size='500'/>" for i in range(9000)) + "</custom>",
    "<tendon><fixed name='t'><joint joint='elbow_joint' coef='1e308'/></fixed></tendon>",
    "<option timestep='nan' gravity='inf 0 0'/>", "<option timestep='-1'/>", "<statistic extent='0'/>",
    "<worldbody><geom type='mesh' mesh='none'/></worldbody>",
    "<worldbody><body><freejoint/><geom size='1'/></body></worldbody>",
    "<worldbody><body><joint type='ball'/></body></worldbody>",
    "<equality><joint joint1='elbow_joint' joint2='elbow_joint'/></equality>",
    "<!-- -->" * 2000, "<![CDATA[x]]>", "&lt;", "&#0;", "&#55296;", "<?xml version='1.1'?>",
]  # fmt: skip
XML_HEADS = [
    "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/hostname'>]>",
    "<!DOCTYPE a [<!ENTITY b 'cccccccccc'><!ENTITY d '&b;&b;&b;&b;&b;&b;&b;&b;'>]>",
    "<?xml version='1.0' encoding='utf-16'?>",
    "<?xml version='1.0' encoding='utf-7'?>",
    "\ufeff",
]
LENGTHS = [
    struct.pack(kind, value) for kind in ("<I", "<Q", ">I") for value in (0, 1, 2**16, 2**31 - 1, 2**32 - 1)
] + [struct.pack("<Q", value) for value in (2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)]
