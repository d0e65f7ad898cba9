import pathlib

from setuptools import find_packages, setup

# 1.19.0 does not say which ml_dtypes it needs, and fails beside TensorFlow 2.15's.
ONNX = ["onnx>=1.17,!=1.19.0", "onnxruntime>=1.18", "tf2onnx>=1.17"]
NOTEBOOK = ["ipykernel>=6.29", "nbclient>=0.10.1", "nbformat>=5.10"]
TEST = [
    *ONNX,
    *NOTEBOOK,
    "PyYAML>=6",
    "gradio>=6.31,<7; python_version >= '3.12'",  # the tests of the page are for the newest TensorFlow alone
    "hypothesis>=6.100",
    "jsonschema>=4.23",
    "kubernetes-validate>=1.31",
    "mlflow-skinny>=3; python_version >= '3.12'",  # a server for SavedModels, as above
    "pandas>=2; python_version >= '3.12'",  # the server reads its questions with it
    "pytest>=8",
    "pytest-xdist>=3.6",
    "scipy>=1.11",
    "tensorflow-probability>=0.25; python_version >= '3.12'",  # it refuses TensorFlow 2.15
]

setup(
    name="cnn-estimator",
    version="0.1.0",
    description="TensorFlow 1 programs and tf.estimator, working again on TensorFlow 2.15 to 2.21",
    keywords="tensorflow estimator tf.estimator tensorflow_estimator tf.contrib tensorflow1 tf1 compat.v1 tf.layers "
    "model_to_estimator tf-slim migration tutorial fashion-mnist mnist",
    long_description=pathlib.Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    # What the package brings back, and what it trains on.
    project_urls={
        "Estimator library": "https://github.com/tensorflow/estimator",
        "Fashion-MNIST": "https://github.com/zalandoresearch/fashion-mnist",
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Education",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",  # locks are fcntl's
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["cnn_estimator", "cnn_estimator.*"]),
    package_data={"cnn_estimator": ["py.typed"]},
    entry_points={"console_scripts": ["cnn-estimator=cnn_estimator.__main__:main"]},
    python_requires=">=3.10,<3.14",
    install_requires=[
        "tensorflow>=2.15,<2.22",
        "tensorflow-estimator==2.15.0",
        "tf-keras>=2.15,<2.22",  # each release asks for the TensorFlow of its own minor version
        "tensorboard>=2.15,<2.22",  # TensorFlow 2.21 no longer brings it
        "setuptools<81",  # tensorboard up to 2.20 imports pkg_resources: later releases warn, or lack it
        "protobuf<7",  # TensorFlow 2.20 cannot write its graph with protobuf 7
        "absl-py",
        "matplotlib>=3.7",
        "numpy",
        "packaging",
        "Pillow>=11.3",
        "pooch>=1.7",
        "tabulate>=0.9",
        "tf-slim==1.1.0",  # what it keeps of tf.contrib
        "tqdm>=4.70",  # its redirection of log lines keeps their filter
    ],
    extras_require={
        "demo": ["gradio>=6.31,<7"],
        "bench": ["torch>=2.4"],  # whose Adam has a fused form for CPUs
        "onnx": ONNX,
        "notebook": ["jupyterlab>=4"],
        "test": TEST,
        "dev": [*TEST, "mypy>=1.13", "nox[pbs]>=2026.4", "ruff>=0.9"],
    },
)
