"""CNI plugins: a runtime's calls for one pod, as the CNI specification 1.0 has them (section 2)."""

from dataclasses import dataclass

from cniperf.steps.step import Step

# The verbs are $0, then come the plugins, each with what it reads. Each ADD is given the result of
# the one before it, CHECK that of the last. A plugin reports an error as JSON on its output.
CALL = (
    "set -f; r=; for verb in $0; do n=$#; i=0; while [ $i -lt $n ]; do "
    'said=$(printf %s "${2%?}${r:+,\\"prevResult\\":$r}}" | CNI_COMMAND=$verb "$CNI_PATH/$1") || '
    '{ echo "CNI plugin $1, $verb:" $said >&2; exit 1; }; '
    '[ $verb = ADD ] && r=$said; set -- "$@" "$1" "$2"; shift 2; i=$((i + 2)); done; done; true'
)


@dataclass(frozen=True)
class _Call(Step):
    device: str
    calls: tuple[tuple[str, str], ...]
    path: str

    def _named(self, verbs: str) -> str:
        return f"CNI {verbs} {self.netns}: {', '.join(plugin for plugin, _ in self.calls)}"

    def _argv(self, verbs: str, calls: tuple[tuple[str, str], ...]) -> list[str]:
        return [
            "env", f"CNI_CONTAINERID={self.netns}", f"CNI_NETNS=/run/netns/{self.netns}",
            f"CNI_IFNAME={self.device}", f"CNI_PATH={self.path}",
            "sh", "-c", CALL, verbs, *(word for call in calls for word in call),
        ]  # fmt: skip


@dataclass(frozen=True)
class AttachCni(_Call):
    """Attach a pod to a network: each plugin's ADD in order, then each one's CHECK.

    Attributes:
        device: the interface that the pod gets.
        calls: each plugin's type with the JSON that it reads.
        path: folder of the plugins' programs.
        verbs: ``ADD CHECK``, or ``ADD`` where the network has no CHECK.
    """

    verbs: str = "ADD CHECK"

    def argv(self) -> list[str]:
        return self._argv(self.verbs, self.calls)

    @property
    def brief(self) -> str:
        return self._named(self.verbs)

    def undo(self) -> Step:
        return DetachCni(self.device, self.calls, self.path, netns=self.netns)


@dataclass(frozen=True)
class DetachCni(_Call):
    """Detach a pod from a network: each plugin's DEL, the last one first.

    The result of ADD is kept nowhere, so the plugins must work without it.
    """

    def argv(self) -> list[str]:
        return self._argv("DEL", self.calls[::-1])

    @property
    def brief(self) -> str:
        return self._named("DEL")
