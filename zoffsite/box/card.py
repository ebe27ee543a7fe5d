"""The card for whoever hosts the box: one printed page, without a word that he would have to look up."""

from __future__ import annotations

from html import escape

from zoffsite.box.entry import Entry
from zoffsite.box.spec import Spec

_LINE = "_" * 34

_CARD = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{name}</title>
<style>
@page {{ size: A5; margin: 10mm }}
body {{ font: 10pt/1.3 "Liberation Sans", Arial, Helvetica, sans-serif; margin: 0; max-width: 128mm }}
h1 {{ font-size: 16pt; margin: 0 }}
h2 {{ font-size: 12pt; margin: 3.5mm 0 1mm }}
p, ul {{ margin: 0 }}
ul {{ padding-left: 5mm }}
td {{ padding: .5mm 3mm .5mm 0; vertical-align: top }}
.who {{ border: 1pt solid; padding: 2mm 3mm; margin-top: 4mm; font-size: 12pt }}
</style>
<h1>This is the backup box &ldquo;{name}&rdquo;</h1>
<p>It keeps a copy of somebody's files, in case their home burns down. The copy is locked, and the key is not in here:
nobody can read it, you included. Thank you for giving it a place.</p>

<h2>What it needs</h2>
<ul>
<li>Power, and a network cable from your router. Nothing else: no screen, no keyboard, no setting in the router.</li>
<li>Air around it, a dry place. It is on day and night.</li>
</ul>

<h2>Lights</h2>
<table>
<tr><td>Power light on</td><td>All is well. Disks may be heard at night.</td></tr>
<tr><td>Power light off</td><td>Is there power? Press the button once, for a moment.</td></tr>
<tr><td>Lights at the network socket off</td><td>Push the cable in at both ends. Is the router on?</td></tr>
<tr><td>It beeps, smells or is hot</td><td>Pull the plug, and call.</td></tr>
</table>

<h2>When something happens</h2>
<ul>
<li>Power cut, new router, moved to another room: just connect it again. It finds its way by itself.</li>
<li>It must go off: press the button once, for a moment, and wait until the light is off. If you cannot wait, pull the
plug: nothing breaks.</li>
<li>It was stolen, or somebody had it open: please call soon. Your own network is safe from it, and their files
stay locked.</li>
<li>Somebody asks you for a password of it: there is none. Call.</li>
<li>You do not want it here any more: call. Do not throw it away.</li>
</ul>

<p class="who"><b>Call:</b> {contact}<br>Never mind the hour if it smells. If nobody
answers, it can wait: nothing is lost.</p>
</html>
"""


def card(spec: Spec) -> Entry:
    """CARD.html; without a contact in `spec` there is a line to write on."""
    return Entry(text=_CARD.format(name=escape(spec.name), contact=escape(spec.contact) or _LINE))
