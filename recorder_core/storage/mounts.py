"""Which filesystem a folder lies on, read from the kernel's table of mounts (proc_pid_mountinfo(5))."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")

UNKNOWN = "unknown"
"""What a folder lies on where the table does not say."""

OVERLAYS = frozenset({"overlay", "aufs", "fuse.fuse-overlayfs"})
"""Layers of a container: what is written there is gone with the container's next update."""

NETWORK = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse.ceph", "fuse.davfs2",
        "fuse.glusterfs", "fuse.juicefs", "fuse.rclone", "fuse.s3fs", "fuse.smbnetfs", "fuse.sshfs",
        "glusterfs", "gpfs", "lustre", "moosefs", "ncpfs", "nfs", "nfs4", "ocfs2", "smb2", "smb3", "smbfs",
    }
)  # fmt: skip
"""Filesystems over a network: they lack the locks and the syncs that SQLite's WAL relies on."""

_ESCAPE = re.compile(r"\\([0-7]{3})")


def filesystem_of(folder: Path, mountinfo: Path = MOUNTINFO) -> str:
    """Return the type of the filesystem that `folder`, an absolute path without symbolic links, lies on."""
    found = UNKNOWN
    depth = -1
    for line in mountinfo.read_text(errors="surrogateescape").splitlines():
        # Four fields, the mount point, options and optional fields, a lone hyphen, then the type and two fields more.
        left, _, right = line.partition(" - ")
        point = Path(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), left.split(" ")[4]))
        # Of two mounts on one point the later one is on top.
        if folder.is_relative_to(point) and len(point.parts) >= depth:
            found = right.split(" ")[0]
            depth = len(point.parts)
    return found
