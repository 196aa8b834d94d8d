"""Turns a graph into launch actions. Imports `launch`, which only a ROS installation has: for launch files alone."""

from __future__ import annotations

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue

from qgf_ros.graph import LOG_LEVELS, Graph, NodeSetting, load_graph, settings
from qgf_ros.graph_file import Kind
from qgf_ros.share import share_path


def describe(name: str) -> LaunchDescription:
    """The launch description of `config/graphs/NAME.yaml`; its arguments are the graph's."""
    graph = load_graph(share_path(f"config/graphs/{name}.yaml"))
    arguments = [
        DeclareLaunchArgument(
            name, default_value=argument.default, description=argument.help, choices=choices(name, graph)
        )
        for name, argument in graph.arguments.items()
    ]

    def start(context: LaunchContext) -> list[Node | LogInfo]:
        texts = {name: LaunchConfiguration(name).perform(context) for name in graph.arguments}
        chosen = settings(graph, texts)
        said = [LogInfo(msg=f"[{one.node.name}] {line}") for one in chosen for line in one.announcements]
        return [*said, *(action(setting) for setting in chosen)]

    return LaunchDescription([*arguments, OpaqueFunction(function=start)])


def choices(name: str, graph: Graph) -> list[str] | None:
    """What `--show-args` lists as valid; None: any text."""
    if name == "log_level":
        return list(LOG_LEVELS)
    return ["true", "false"] if graph.arguments[name].kind is Kind.BOOL else None


def action(setting: NodeSetting) -> Node:
    """One node. As under `qgf run`, the others stop when it ends by itself."""
    node = setting.node
    values = {
        name: ParameterValue(value, value_type=type(value)) for name, value in setting.parameters.items()
    }
    return (LifecycleNode if node.lifecycle else Node)(
        package=node.package,
        executable=node.executable,
        name=node.name,
        namespace=setting.namespace,
        parameters=[*map(str, setting.params_files), values],
        remappings=list(node.remappings.items()),
        ros_arguments=["--log-level", setting.log_level],
        output="both",
        emulate_tty=True,
        on_exit=stop_the_others,
    )


def stop_the_others(event: ProcessExited, context: LaunchContext) -> list[Shutdown]:
    """When a node has ended by itself; during a shutdown there is nothing more to do."""
    return [] if context.is_shutdown else [Shutdown(reason=f"{event.process_name} ended")]
