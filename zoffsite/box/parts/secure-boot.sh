#!/bin/sh
# Secure Boot with keys of your own.  usage: secure-boot keys | enrol
#   keys    make them, once: PK, KEK and db for the firmware, pcr for the TPM's policy; /etc/zoffsite/boot, root's only
#   enrol   give the firmware PK, KEK and db, and no other; it must be in Setup Mode, and the next kernel be signed
set -eu
# shellcheck source=boot-chain.sh
. "${0%/*}/boot-chain"

make_keys() {
    if [ -e "$boot/db.key" ]; then say "the keys are there: $boot"; return 0; fi
    # In one piece or not at all: what is half made after a power cut is made again.
    fresh=$boot.new
    rm -rf "$fresh"
    mkdir -p "${boot%/*}"
    mkdir -m 700 "$fresh"
    owner=$(cat /proc/sys/kernel/random/uuid)
    for name in PK KEK db; do
        openssl req -new -x509 -newkey rsa:2048 -nodes -sha256 -days 7300 -subj "/CN=zoffsite $name $(uname -n)" \
            -keyout "$fresh/$name.key" -out "$fresh/$name.crt" 2>/dev/null
        openssl x509 -in "$fresh/$name.crt" -outform DER -out "$fresh/$name.cer"
        cert-to-efi-sig-list -g "$owner" "$fresh/$name.crt" "$fresh/$name.esl"
    done
    for pair in PK:PK PK:KEK KEK:db; do
        by=${pair%:*} name=${pair#*:}
        sign-efi-sig-list -g "$owner" -k "$fresh/$by.key" -c "$fresh/$by.crt" "$name" "$fresh/$name.esl" \
            "$fresh/$name.auth" >/dev/null
    done
    openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$fresh/pcr.key" 2>/dev/null
    openssl pkey -in "$fresh/pcr.key" -pubout -out "$fresh/pcr.pub"
    chmod 600 "$fresh"/*
    mv "$fresh" "$boot"
    sync
    say "made: $boot; next: ${0%/*}/kernels update"
}

enrol() {
    have_keys
    firmware SetupMode || die "the firmware is not in Setup Mode: clear all Secure Boot keys in its settings, then again"
    "${0%/*}/kernels" check || die "what boots next is not signed: with these keys the machine would not start"
    for name in db KEK PK; do
        # A kernel makes these files immutable against a slip of rm.
        chattr -i "$efivars/$name-"* 2>/dev/null || true
        efi-updatevar -f "$boot/$name.auth" "$name"
    done
    say "the firmware has your keys and no other; next: reboot, then ${0%/*}/tpm recovery"
}

case ${1:-} in
    keys) need openssl cert-to-efi-sig-list sign-efi-sig-list; make_keys ;;
    enrol) need efi-updatevar sbverify; enrol ;;
    *) usage ;;
esac
