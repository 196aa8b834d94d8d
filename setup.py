"""Package for pip and for colcon (ament_python). Ranges stand here, the exact versions that were tried in constraints.txt."""

from glob import glob
from pathlib import Path

from setuptools import Extension, find_packages, setup

NAME = "qgf_ros"
VERSION = "0.1.0"
SHARE = f"share/{NAME}"
NATIVE = "qgf_ros/inference/engines/native"
FLAGS = ("-std=c++17", "-O3", "-g0", "-ffp-contract=fast", "-fvisibility=hidden")


def share_folders(*roots: str) -> list[tuple[str, list[str]]]:
    """Every file below `roots`, to be installed at the same place below the package's share folder."""
    files = sorted(
        path for root in roots for path in glob(f"{root}/**", recursive=True) if Path(path).is_file()
    )
    kept = [path for path in files if "__pycache__" not in path]
    folders = sorted({str(Path(path).parent) for path in kept})
    return [
        (f"{SHARE}/{folder}", [path for path in kept if str(Path(path).parent) == folder])
        for folder in folders
    ]


def cpu_kernels() -> Extension:
    """The library of engine `cpu`. Optional: without a compiler everything installs, and the engine says what is missing.

    It is loaded with ctypes and uses nothing of Python. Instructions beyond the machine's baseline are chosen when it runs,
    so nothing here depends on the machine that builds.
    """
    return Extension(
        "qgf_ros.inference.engines.native.kernel",
        sources=sorted(glob(f"{NATIVE}/*.cpp")),
        depends=sorted(glob(f"{NATIVE}/*.h") + glob(f"{NATIVE}/*.inc")),
        extra_compile_args=[
            *FLAGS,
            "-Wno-psabi",
            "-Wno-maybe-uninitialized",  # a false alarm in GCC's own header of AVX-512
        ],
        extra_link_args=["-pthread"],
        language="c++",
        optional=True,
    )


def training_kernels() -> Extension:
    """The fused layers of training on a CPU. Optional as above; reductions may be reordered, so that they use wide registers."""
    return Extension(
        "qgf_ros.train.native.fused",
        sources=["qgf_ros/train/native/fused.cpp"],
        extra_compile_args=[
            *FLAGS,
            "-fno-math-errno",
            "-fno-trapping-math",
            "-fassociative-math",
            "-fno-signed-zeros",
        ],
        language="c++",
        optional=True,
    )


setup(
    name=NAME,
    version=VERSION,
    description="Q-guided flow policies that move a robot over ROS 2",
    license="Apache-2.0",
    maintainer="The qgf_ros maintainers",
    maintainer_email="maintainers@example.org",
    python_requires=">=3.11",
    packages=find_packages(include=[NAME, f"{NAME}.*"]) + find_packages("sim"),
    package_dir={"qgf_sim": "sim/qgf_sim"},
    package_data={NAME: ["py.typed"], "qgf_sim": ["py.typed", "**/*.xml"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (SHARE, ["package.xml"]),
        *share_folders("launch", "config", "checkpoints"),
    ],
    ext_modules=[cpu_kernels(), training_kernels()],
    zip_safe=False,
    # rclpy is not required here: wheels come with the extra `ros`, a robot has its own under its ROS installation.
    install_requires=[
        "setuptools",
        "numpy>=1.26",
        "PyYAML>=6.0",
        "torch>=2.6",
        "safetensors>=0.4",
        "mujoco>=3.2,<4",  # dm_control 1.0 fails with MuJoCo 4: MjModel lost flex_vertedge
        "mink>=1.0",
        "qpsolvers[daqp]>=4.3",
        "ruckig>=0.14",
        "pyquaternion>=0.9.9",
        "scipy>=1.11",
        "rich>=13",
        "tqdm>=4.66",
        "mcap>=1.6",  # Writer.flush
        "rosbags>=0.10",  # qgf verify reads messages without ROS
        "defusedxml>=0.7",  # robot_description comes from others
    ],
    extras_require={
        "sim": [
            "dm_control>=1.0.20,<2",
            "gymnasium>=1.0",
            "ogbench>=1.1",
            "matplotlib>=3.8",
            "imageio>=2.31",
            "imageio-ffmpeg>=0.5",
        ],
        "ros": [
            "ros-rclpy[fastrtps]>=9.0",
            "ros-diagnostic-msgs",
            "ros-geometry-msgs",
            "ros-sensor-msgs",
            "ros-std-msgs",
            "ros-std-srvs",
            "ros-trajectory-msgs",
        ],
        "train": ["tensorboard>=2.15"],
        "onnx": [
            "onnx>=1.16",
            "onnxruntime>=1.18",
        ],  # a robot that only runs an exported policy needs onnxruntime alone
        "data": [
            "h5py>=3.10",
            "pyarrow>=15",
            "av>=12",
        ],  # data sets in others' formats: robomimic, Minari, LeRobot
        "bench": [
            "jax>=0.10",
            "jaxlib>=0.10",
            "matplotlib>=3.8",
        ],  # a rival to measure against; jaxlib 0.4.30 miscompiled
        "test": ["pytest>=8", "pytest-xdist>=3.6", "hypothesis>=6.100", "minari>=0.5"],
        "fuzz": ["atheris>=3.0"],  # coverage-guided; `make fuzz` needs only the extra `test`
        "lint": ["ruff>=0.8", "mypy>=1.13", "import-linter>=2.1"],
        "colcon": [
            "colcon-ros>=0.5",
            "colcon-bash",
            "colcon-parallel-executor",
            "colcon-python-setup-py",
            "colcon-recursive-crawl",
            "colcon-output",
            "colcon-package-information",
            "colcon-test-result",
            "setuptools<80",
        ],
    },
    entry_points={
        "console_scripts": [
            "qgf = qgf_ros.cli.main:main",
            "policy_node = qgf_ros.nodes.policy_node:main",
            "command_node = qgf_ros.nodes.command_node:main",
            "recorder_node = qgf_ros.nodes.recorder_node:main",
            "teleop_node = qgf_ros.nodes.teleop_node:main",
            "sim_node = qgf_sim.node:main",
        ]
    },
)
