"""Ships the YAML presets of configs/ inside the package; everything else is in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["slowfast_paddle*"]), "slowfast_paddle.configs"],
    package_dir={"slowfast_paddle.configs": "configs"},
    package_data={"slowfast_paddle": ["**/*.txt", "**/*.html"], "slowfast_paddle.configs": ["**/*.yaml"]},
    include_package_data=True,
)
