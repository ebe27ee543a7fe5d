"""What zfs really prints, taken from OpenZFS 2.1.11 and 2.3.2."""

# ruff: noqa: E501 - lines as zfs prints them

from __future__ import annotations

LISTING = """\
filesystem\ttank\t3625737233911226201\t1\t1795397478\toff\t-\t-\tyes\toff\t98304\t19918848\t3872395264\t98304\t-\t-\t-\t-\t-
filesystem\ttank/enc\t13717128898088259396\t10\t1795397489\taes-256-gcm\ttank/enc\tavailable\tyes\toff\t0\t19070976\t3872395264\t8298496\t-\t-\t-\t-\t-
snapshot\ttank/enc@s1\t15677759623839631215\t24\t1795397502\taes-256-gcm\ttank/enc\tavailable\t-\t-\t8298496\t0\t-\t8298496\t1\t-\t-\t0\t-
bookmark\ttank/enc#b1\t15677759623839631215\t24\t1795397502\t-\t-\t-\t-\t-\t-\t-\t-\t8298496\t-\t-\t-\t-\t-
filesystem\ttank/enc/sp ace:x\t16915649190615585050\t12\t1795397490\taes-256-gcm\ttank/enc\tavailable\tyes\toff\t0\t196608\t3872395264\t196608\t-\t-\t-\t-\t-
snapshot\ttank/enc/sp ace:x@s1\t17446653068122866159\t24\t1795397502\taes-256-gcm\ttank/enc\tavailable\t-\t-\t196608\t0\t-\t196608\t0\t-\t-\t0\t-
volume\ttank/enc/vol\t13953905063101878830\t13\t1795397492\taes-256-gcm\ttank/enc\tavailable\t-\toff\t0\t10575872\t3882881024\t90112\t-\t-\t-\t-\t-
snapshot\ttank/enc/vol@s1\t14585545948514146067\t24\t1795397502\taes-256-gcm\ttank/enc\tavailable\t-\t-\t90112\t0\t-\t90112\t0\t-\t-\t0\t-
"""

TOKEN = (
    "1-1193e66caa-118-789c636064000310a501c49c50360710a715e5e7a69766a6304041befb1b9780e9936e2a00d9ec48eaf293b252934b18"
    "181aa1ea30e4d3d28a534b40326270793624f9a4ca92d46220cd73510cabfe927c882b023d7ddb5403f47e6b20c97382e5f31273538174625e"
    "b67e6a5eb243b111dc1c6e0684ff92f3730b8a528b8bf3b32162125077c0e48b12cb61520c00faed2441"
)

UNFINISHED = (
    "filesystem\tvault/box/tank:enc\t2477414448228105166\t31\t1795397509\taes-256-gcm\tvault/box/tank:enc\tunavailable"
    f"\tno\ton\t3153920\t3153920\t3888545792\t3153920\t-\t{TOKEN}\t-\t-\t-\n"
)

TOKEN_CONTENTS = """\
resume token contents:
nvlist version: 0
\tfromguid = 0xd992975044ec476f
\tobject = 0x81
\toffset = 0x160000
\tbytes = 0x16d10c
\ttoguid = 0xfb2e5025864d4951
\ttoname = tank/enc@s2
\tcompressok = 1
\trawok = 1
"""

INCREMENTAL_SIZE = "incremental\ttank/enc#b1\ttank/enc@s2\t2628700\nsize\t2628700\n"

ALLOWED = """\
---- Permissions on vault/zoffsite -----------------------------------
Create time permissions:
\tdestroy
Local+Descendent permissions:
\tuser zoffsite create,destroy,hold,mount,receive,release
\tgroup users @mine,create
---- Permissions on vault --------------------------------------------
Permission sets:
\t@mine hold,mount
Local permissions:
\tuser zoffsite userprop
Descendent permissions:
\tuser root diff
Local+Descendent permissions:
\teveryone snapshot
"""
