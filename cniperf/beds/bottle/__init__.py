"""A kernel in a bottle: virtual machines with a distribution's kernel, made without an installer.

``kernel``  Debian's cloud kernel, fetched as a package and unpacked into the cache
``image``   what a guest runs on: an initramfs of this machine's own programs
``qemu``    a guest as a process, and whether KVM really boots one
``plugin``  a counter of executed instructions, compiled from this folder's own source
``inside``  what a guest runs whose clock counts instructions
"""
