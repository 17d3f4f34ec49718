"""From runs to statements. Reads tables only: no root, no Linux, nothing of the wiring."""
