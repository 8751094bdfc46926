import subprocess

import pytest


@pytest.fixture
def small_disk(tmp_path, request):
    """A file system of its own, of the size that the test is parametrized with."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + request.param, "akin-test", disk], capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)
