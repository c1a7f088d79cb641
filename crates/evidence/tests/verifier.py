#!/usr/bin/env python3
"""Verifies evidence packs. Written from docs/AUDIT-FORMAT.md alone; needs the package `cryptography` for Ed25519.

usage: verifier.py KEYS PACK... [--checkpoint FILE]... [--witnesses K]
Prints the codes of what it finds, one a line, and exits as section 7 says.
"""
import base64
import hashlib
import json
import re
import sys
import tomllib
import unicodedata
import zipfile
from datetime import datetime, timezone

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SKEW = 600
KINDS = """account study request decision charge refusal answer reuse release policy-change budget-move edition enrolment
login admin-act alarm anchor tombstone restoration write-off acceptance""".split()
EXIT = {"damaged": 3, "signature": 3, "altered": 3, "removed": 3, "reordered": 3, "forked": 3, "uncosigned": 3, "total-differs": 4, "not-in-force": 4,
        "answer-without-charge": 4, "overspent": 4, "missing-counterpart": 5, "counterpart-differs": 5}


class Unreadable(Exception):
    """Nothing in the file can be checked."""


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def compact(value, sort=False):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=sort)


def signed(key, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


# Section 2: keys, notes, checkpoints.

def parse_key(text):
    name, key_id, encoded = text.split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    computed = sha(name.encode(), b"\n", raw)[:4]
    if len(raw) != 33 or raw[0] not in (1, 4) or computed.hex() != key_id:
        raise Unreadable("key")
    return {"name": name, "id": computed, "type": raw[0], "key": raw[1:]}


class Trust:
    def __init__(self, text):
        self.keys, self.officers, self.held, self.witnesses = [], {}, [], 0
        for line in text.splitlines():
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("officer "):
                _, origin, key = line.split(" ")
                self.officers.setdefault(origin, []).append(bytes.fromhex(key))
            else:
                self.keys.append(parse_key(line))

    def opens(self, note, origin=None):
        """The text of a note, if a given log key signed it and no known line is false."""
        try:
            text, lines = parse_note(note)
        except Unreadable:
            return None
        for key in self.keys:
            if key["type"] != 1 or (origin is not None and key["name"] != origin):
                continue
            own = [s for n, i, s in lines if n == key["name"] and i == key["id"]]
            if own and all(signed(key["key"], text.encode(), s) for s in own):
                return text, lines, key["name"]
        return None

    def checkpoint(self, note):
        opened = self.opens(note)
        if opened is None:
            return None
        text, lines, name = opened
        head = parse_checkpoint(text)
        return (head, lines) if head and head[0] == name else None

    def knows(self, origin):
        return any(key["name"] == origin for key in self.keys)

    def witnesses_of(self, text, lines, origin):
        """The names of given witnesses that cosigned, the log's own aside."""
        names = set()
        for key in self.keys:
            for name, key_id, rest in lines:
                if key["type"] == 4 and key["name"] != origin and name == key["name"] and key_id == key["id"]:
                    time = int.from_bytes(rest[:8], "big")
                    if len(rest) > 8 and signed(key["key"], f"cosignature/v1\ntime {time}\n{text}".encode(), rest[8:]):
                        names.add(name)
        return names

    def false_cosignature(self, text, lines):
        for key in self.keys:
            for name, key_id, rest in lines:
                if key["type"] == 4 and name == key["name"] and key_id == key["id"]:
                    time = int.from_bytes(rest[:8], "big")
                    message = f"cosignature/v1\ntime {time}\n{text}".encode()
                    if not signed(key["key"], message, rest[8:]):
                        return True
        return False


def parse_note(note):
    split = note.rfind("\n\n")
    if split < 0 or not note.endswith("\n"):
        raise Unreadable("note")
    lines = []
    for line in note[split + 2:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014":
            raise Unreadable("signature line")
        try:
            raw = base64.b64decode(parts[2], validate=True)
        except ValueError as error:
            raise Unreadable("signature line") from error
        lines.append((parts[1], raw[:4], raw[4:]))
    return note[:split + 1], lines


def parse_checkpoint(text):
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[1].isdigit() or str(int(lines[1])) != lines[1]:
        return None
    try:
        return lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
    except ValueError:
        return None


# Section 1: entries and tree.

def roots(leaves):
    """The root over the first n leaves, for every n, by keeping the complete subtrees."""
    result, frontier = [sha()], []
    for leaf in leaves:
        size = len(result)
        frontier.append(leaf)
        while size % 2 == 0:
            right = frontier.pop()
            frontier.append(sha(b"\x01", frontier.pop(), right))
            size //= 2
        root = frontier[-1]
        for left in reversed(frontier[:-1]):
            root = sha(b"\x01", left, root)
        result.append(root)
    return result


def consistent(first, old, size, new, proof):
    """RFC 9162, section 2.1.4.2."""
    if first > size:
        return False
    if first == 0:
        return not proof and old == sha()
    if first == size:
        return not proof and old == new
    proof = list(proof)
    if first & (first - 1) == 0:
        proof.insert(0, old)
    if not proof:
        return False
    fn, sn = first - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for c in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = sha(b"\x01", c, fr), sha(b"\x01", c, sr)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha(b"\x01", sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr == old and sr == new and sn == 0


def canonical_header(text):
    try:
        header = json.loads(text)
    except ValueError:
        return None
    if not isinstance(header, dict) or sorted(header) != ["at", "facts", "index", "kind", "version"]:
        return None
    whole = all(type(header[k]) is int for k in ("at", "index", "version"))
    facts = header["facts"]
    if not whole or header["version"] != 1 or header["kind"] not in KINDS or not isinstance(facts, dict):
        return None
    if not all(type(f) is str or (type(f) is int and f >= 0) for f in facts.values()):
        return None
    return header if compact(header, sort=True) == text else None


class Entry:
    def __init__(self, line):
        self.header = self.body = None
        self.withheld, self.fault, self.leaf = False, False, bytes(32)
        try:
            value = json.loads(line)
            order = [k for k in ("header", "body_hash", "salt", "body", "leaf") if k in value]
            self.leaf = bytes.fromhex(value["leaf"])
            if list(value) != order or compact(value) != line:
                raise ValueError
            if "header" not in value:
                self.withheld = list(value) == ["leaf"]
                self.fault = not self.withheld
                return
            body_hash = bytes.fromhex(value["body_hash"])
            leaf = sha(b"\x00", value["header"].encode(), b"\n", value["body_hash"].encode(), b"\n")
            self.header = canonical_header(value["header"])
            self.fault = leaf != self.leaf or self.header is None
            self.leaf = leaf
            if "salt" in value or "body" in value:
                body = base64.b64decode(value["body"], validate=True)
                if sha(b"wi-body-v1\n", bytes.fromhex(value["salt"]), body) == body_hash:
                    self.body = body
                else:
                    self.fault = True
        except (ValueError, KeyError, TypeError, AttributeError):
            self.fault = True

    def fact(self, name):
        return self.header["facts"].get(name)


# Section 6.

def harmless(cell):
    out, start = [], True
    for c in str(cell):
        if unicodedata.category(c) == "Cc":
            c = " "
        if start and c in "=+-@\uff1d\uff0b\uff0d\uff20":
            out.append("'")
        out.append('""' if c == '"' else c)
        start = c in ',;"|' or (start and c.isspace())
    return "".join(out)


def spreadsheet(entries):
    own = ["code", "node", "study", "query", "request", "rho"]
    rows = [["index", "time", "kind"] + own + ["facts"]]
    for index, entry in enumerate(entries):
        if entry.header is None:
            rows.append([index, "", "withheld"] + [""] * 7)
            continue
        h, facts = entry.header, entry.header["facts"]
        time = datetime.fromtimestamp(h["at"], timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        others = " | ".join(f"{k}: {facts[k]}" for k in sorted(facts) if k not in own)
        rows.append([h["index"], time, h["kind"]] + [facts.get(k, "") for k in own] + [others])
    return "".join(",".join(f'"{harmless(c)}"' for c in row) + "\r\n" for row in rows)


class Pack:
    def __init__(self, path, trust):
        self.found, self.trust = [], trust
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                members = {name: archive.read(name) for name in names}
        except Exception as error:
            raise Unreadable(str(error)) from error
        if len(members) != len(names) or "manifest.note" not in members:
            raise Unreadable("members")
        try:
            note = members.pop("manifest.note").decode()
            text, _ = parse_note(note)
            self.manifest = json.loads(text)
        except ValueError as error:
            raise Unreadable("manifest") from error
        m = self.manifest
        if m.get("format") != "welfare-intelligence-evidence" or m.get("version") != 1:
            raise Unreadable("another format or version")
        self.origin, self.scope, self.side = m["origin"], m["scope"], m["side"]
        if trust.opens(note, self.origin) is None:
            self.add("signature")
        expected = "welfare-intelligence/" + (f"node/{m['organisation']}" if self.side == "node" else "coordinator")
        if self.origin != expected or (self.side == "coordinator") != (m["organisation"] is None):
            self.add("altered")
        if self.side == "node" and self.scope is not None:
            self.add("altered")
        required = {"checkpoint.note", "entries.jsonl", "entries.csv", "cosigned.jsonl", "proofs.jsonl", "keys.txt"}
        if set(members) != set(m["files"]) or not required <= set(members):
            self.add("damaged")
        self.texts, self.members = {}, members
        for name, data in members.items():
            if m["files"].get(name) != sha(data).hex():
                self.add("damaged")
            try:
                self.texts[name] = data.decode()
            except ValueError:
                self.add("damaged")
        entries = self.texts.get("entries.jsonl", "")
        if entries and not entries.endswith("\n"):
            self.add("damaged")
        self.entries = [Entry(line) for line in entries.split("\n")[:None if not entries.endswith("\n") else -1]]
        if not entries:
            self.entries = []
        self.roots = roots([e.leaf for e in self.entries])
        self.check_entries()
        self.check_heads()
        if self.texts.get("entries.csv") != spreadsheet(self.entries):
            self.add("altered")
        self.allowed, self.answers, self.refusals, self.sent, self.accepted = {}, {}, [], {}, []
        self.node_books() if self.side == "node" else self.coordinator_books()
        if trust.witnesses and any(e >= self.covered() for e in self.to_be_covered()):
            self.add("uncosigned")

    def add(self, code):
        self.found.append(code)

    def headers(self):
        return [e for e in self.entries if e.header is not None]

    def check_entries(self):
        self.erased = erased = {e.fact("entry") for e in self.headers()
                  if e.header["kind"] == "tombstone" and (e.fact("entry") or 0) < e.header["index"]}
        misplaced, indices = False, []
        for place, entry in enumerate(self.entries):
            if entry.fault:
                self.add("altered")
            elif entry.withheld and self.scope is None:
                self.add("altered")
            elif entry.header is not None and entry.body is None and self.scope is None and place not in erased:
                self.add("altered")
            index = place if entry.header is None else entry.header["index"]
            indices.append(index)
            misplaced |= index != place
        if misplaced:
            self.add("reordered" if sorted(indices) == list(range(len(indices))) else "removed")

    def lines(self, name, keys):
        text, values = self.texts.get(name, ""), []
        try:
            values = [json.loads(line) for line in text.splitlines()]
            if any(list(v) != keys for v in values) or "".join(compact(v) + "\n" for v in values) != text:
                raise ValueError
        except (ValueError, TypeError):
            self.add("damaged")
            return []
        return values

    def check_heads(self):
        head = self.trust.checkpoint(self.texts.get("checkpoint.note", ""))
        self.cosigned, own, self.furthest = [], {}, {}
        if head is None:
            self.add("signature")
        else:
            (origin, size, root), _ = head
            if origin != self.origin or self.manifest["entries"] != size:
                self.add("altered")
            if len(self.entries) < size:
                self.add("removed")
            elif len(self.entries) > size or self.roots[size] != root:
                self.add("altered")
        for line in self.lines("cosigned.jsonl", ["note"]):
            opened = self.trust.checkpoint(line["note"])
            if opened is None:
                claimed = line["note"].split("\n")[0]
                if self.trust.knows(claimed) or parse_checkpoint(line["note"].split("\n\n")[0] + "\n") is None:
                    self.add("signature")
                continue
            checkpoint, signatures = opened
            if self.trust.false_cosignature(line["note"].split("\n\n")[0] + "\n", signatures):
                self.add("signature")
            if checkpoint[0] == self.origin:
                if checkpoint[1] in own:
                    self.add("damaged")
                own[checkpoint[1]] = checkpoint[2]
                text = line["note"].split("\n\n")[0] + "\n"
                for name in self.trust.witnesses_of(text, signatures, self.origin):
                    self.furthest[name] = max(self.furthest.get(name, 0), checkpoint[1])
                self.check_extends(checkpoint)
            self.cosigned.append(checkpoint)
        proved = set(own) if head is None else set()
        for proof in [] if head is None else self.lines("proofs.jsonl", ["from", "hashes", "to"]):
            try:
                hashes = [bytes.fromhex(h) for h in proof["hashes"]]
                _, size, root = head[0]
                good = proof["to"] == size and proof["from"] not in proved and consistent(
                    proof["from"], own[proof["from"]], size, root, hashes)
            except (ValueError, KeyError, TypeError):
                good = False
            if good:
                proved.add(proof["from"])
            else:
                self.add("forked")
        if set(own) - proved:
            self.add("damaged")
    def check_held(self, accepted):
        """Section 4.5, for the checkpoints of the reader; `accepted` is what officers in other packs accepted of this log."""
        for checkpoint in self.trust.held:
            if checkpoint[0] == self.origin:
                self.check_extends(checkpoint, accepted)

    def covered(self):
        """Section 4.7: how many entries as many witnesses as demanded cosigned."""
        sizes = sorted(self.furthest.values(), reverse=True)
        return sizes[self.trust.witnesses - 1] if len(sizes) >= self.trust.witnesses else 0

    def to_be_covered(self):
        """Section 4.7: entries that witnesses must have cosigned."""
        if self.side == "node":
            answers = [e.fact("allowed-by") for e in self.headers() if e.header["kind"] == "answer"]
            charges = {place for place, e in enumerate(self.entries) if e.header is not None
                       and e.header["kind"] == "charge" and e.fact("recovered-by") is None}
            return [by for by in answers if by in charges]
        made = max([self.manifest["made_at"], *(e.header["at"] for e in self.headers())])
        return [e.header["index"] for e in self.headers() if e.header["at"] + 86_400 < made]

    def passed(self, size, root):
        return size < len(self.roots) and self.roots[size] == root

    def check_extends(self, checkpoint, accepted=()):
        origin, size, root = checkpoint
        if self.passed(size, root):
            return
        for act in accepted:
            later = [a for a in accepted if a["origin"] == act["origin"] and a["signed_at"] >= act["signed_at"]]
            if act["held"] == checkpoint and any(self.passed(*a["accepted"][1:]) for a in later):
                return
        for e in self.headers():
            if e.header["kind"] != "restoration" or e.body is None:
                continue
            kept, ended = e.fact("kept-size"), e.fact("ended-size")
            at_end = size < ended or e.fact("ended-root") == root.hex()
            signers = act_signers(e)
            if kept < size <= ended and at_end and signers and set(signers) & set(self.trust.officers.get(origin, [])):
                return
        self.add("removed" if size >= len(self.roots) else "forked")

    # Section 5.

    def node_books(self):
        parts = {"dataset": {}, "purpose": {}, "study": {}, "year": {}}
        lifetime, spent, written_off, charges, over = None, 0, 0, 0, False
        first_policy = self.follow_policies()
        self.check_policy_files()
        officers = self.trust.officers.get(self.origin, [])

        def book(part, key, rho):
            parts[part][str(key)] = parts[part].get(str(key), 0) + rho

        for e in self.headers():
            kind, request = e.header["kind"], e.fact("request")
            if kind == "account":
                if lifetime is not None:
                    self.add("altered")
                else:
                    lifetime = e.fact("lifetime")
            elif kind == "charge":
                rho = e.fact("rho")
                charges, spent = charges + 1, spent + rho
                for part in parts:
                    book(part, e.fact(part), rho)
            elif kind == "write-off":
                if e.fact("part") == "year":
                    spent, written_off = spent + e.fact("rho"), written_off + e.fact("rho")
                book(e.fact("part"), e.fact("key"), e.fact("rho"))
            elif kind == "reuse" and e.fact("noise-of") not in self.answers:
                self.add("answer-without-charge")
            elif kind == "refusal":
                self.refusals.append((request, e.fact("rule"), e.fact("field"), e.fact("code")))
            if kind in ("charge", "reuse"):
                if request in self.allowed:
                    self.add("altered")
                self.allowed[request] = e
            if kind == "answer":
                by = self.allowed.get(request)
                if by is None or by.header["index"] != e.fact("allowed-by"):
                    self.add("answer-without-charge")
                if request in self.answers:
                    self.add("altered")
                self.answers[request] = e
            if kind in ("budget-move", "restoration"):
                signers = act_signers(e)
                held = officers and (first_policy is None or e.header["index"] < first_policy)
                if not signers or (held and not set(signers) & set(officers)):
                    self.add("signature")
                if signers and e.fact("lifetime") is not None:
                    if e.fact("lifetime-before") != lifetime:
                        self.add("altered")
                    lifetime = e.fact("lifetime")
            over |= spent > (lifetime or 0)
        if over:
            self.add("overspent")
        stated = {f"by_{part}": dict(sorted(parts[part].items())) for part in parts}
        stated.update(charges=charges, lifetime=lifetime, spent=spent, written_off=written_off)
        text = self.texts.get("ledger.json", "")
        try:
            value = json.loads(text)
            if compact(value) + "\n" != text or list(value) != list(stated):
                raise ValueError
            if value != stated:
                self.add("total-differs")
        except ValueError:
            self.add("damaged")

    def follow_policies(self):
        """Section 5, Policies; the entry of the first one that can be read."""
        named = self.trust.officers.get(self.origin, [])
        last, restorer, approved, first, acts = None, None, set(), None, set()
        for e in self.headers():
            kind, act = e.header["kind"], e.fact("act-id")
            if type(act) is str and act:
                if act in acts:
                    self.add("altered")
                    continue
                acts.add(act)
            if kind == "policy-change":
                claimed, fault = None, "altered"
                if e.fact("act-id") == "":
                    claimed = read_policy(e.body)
                    if claimed is not None:
                        again = last is not None and restorer is not None and (
                            claimed["hash"] == last["hash"] or (restorer not in last["keys"] and restorer in claimed["keys"]))
                        if claimed["hash"] == e.fact("policy-hash") and e.fact("signers") == "" and e.fact("replaces") == (
                                last["hash"] if last else ""):
                            fault = None if last is None or again else "signature"
                        if last is not None and fault is None and claimed["organisation"] != last["organisation"]:
                            fault = "altered"
                else:
                    claimed, fault = signed_policy(e, last)
                if fault:
                    self.add(fault)
                if last is None and claimed is not None:
                    first = e.header["index"]
                    if named and not set(claimed["keys"]) & set(named):
                        self.add("signature")
                last, restorer = claimed or last, None
            elif kind == "restoration":
                signer = key_of(e.fact("signer"))
                if named and not (signer in named or (last is not None and signer in last["keys"])) and last is not None:
                    self.add("signature")
                restorer = signer or restorer
            elif kind == "budget-move" and last is not None:
                keys = last["keys"] + [restorer]
                second = e.fact("second-signer")
                if key_of(e.fact("signer")) not in keys or (
                        second is not None and key_of(second) not in keys + last["second_keys"]):
                    self.add("signature")
            elif kind == "decision":
                fault = "not-in-force" if last is None or restorer is not None else word_fault(e, last)
                if fault:
                    self.add(fault)
                elif e.fact("word") == "approved":
                    approved.add((e.fact("request"), e.fact("request-hash")) + (last["hash"],))
            elif kind == "acceptance":
                fault = "not-in-force" if last is None or restorer is not None else self.accept(e, last)
                if fault:
                    self.add(fault)
            elif kind in ("charge", "reuse") and e.fact("recovered-by") is None and last is not None:
                key = (e.fact("request"), e.fact("request-hash"), e.fact("policy-hash"))
                waits = bool(last["manual"]) if e.body is None else e.body.decode(errors="replace") in last["manual"]
                if restorer is not None or e.fact("policy-hash") != last["hash"] or (waits and key not in approved):
                    self.add("not-in-force")
            elif kind == "refusal" and e.fact("policy-hash") is not None and last is not None:
                if restorer is not None or e.fact("policy-hash") != last["hash"]:
                    self.add("not-in-force")
        if last is not None and last["organisation"] != self.manifest["organisation"]:
            self.add("altered")
        return first

    def accept(self, entry, last):
        """Section 5, Restored coordinators: what is at fault with an acceptance; what explains something is kept."""
        try:
            payload, signers = opened(entry.body, "coordinator-acceptance", last["keys"], strict=True)
            act = acceptance(payload)
            if len(signers) < last["threshold"] or act["organisation"] != last["organisation"]:
                return "signature"
        except (ValueError, KeyError, TypeError, RecursionError):
            return "signature"
        stated = {"act": "coordinator-acceptance", "act-id": act["id"], "act-hash": sha(payload).hex(),
                  "signers": ",".join(key.hex() for key in signers), "held-size": act["held"]["size"], "held-root": act["held"]["root"],
                  "accepted-size": act["accepted"]["size"], "accepted-root": act["accepted"]["root"], "lost": len(act["lost"])}
        if any(entry.fact(name) != value for name, value in stated.items()):
            return "altered"
        coordinator = "welfare-intelligence/coordinator"
        if not self.trust.knows(coordinator):
            return None
        heads = {}
        for name in ("held", "accepted"):
            opens = self.trust.checkpoint(act[name + "_note"])
            if opens is None or opens[0] != (coordinator, act[name]["size"], bytes.fromhex(act[name]["root"])):
                return "signature"
            heads[name] = opens[0]
        if set(signers) & set(self.trust.officers.get(self.origin, [])):
            self.accepted.append({"origin": self.origin, "index": entry.header["index"], "signed_at": act["signed_at"],
                                  "lost": set(act["lost"]), **heads})
        return None

    def check_policy_files(self):
        """Section 5, Policies, as files."""
        changes = [e for e in self.headers() if e.header["kind"] == "policy-change"]
        if not changes:
            return
        known = [f"policies/{e.fact('policy-hash') or ''}.toml" for e in changes]
        for path, data in self.members.items():
            if path.startswith("policies/") and (path != f"policies/{sha(data).hex()}.toml" or path not in known):
                self.add("altered")
        if known[-1] not in self.members and changes[-1].header["index"] not in self.erased:
            self.add("damaged")

    def coordinator_books(self):
        asked = set()
        for e in self.headers():
            kind, code, request = e.header["kind"], e.fact("code"), e.fact("request")
            if code == "query-asked":
                asked.add(e.fact("query"))
            elif code == "request-sent":
                self.sent[request] = e
            elif kind == "answer":
                if request not in self.sent or self.sent[request].fact("node") != e.fact("node"):
                    self.add("answer-without-charge")
                if request in self.answers:
                    self.add("altered")
                self.answers[request] = e
            elif code == "node-refused":
                self.refusals.append(e)
            elif code == "release-published" and self.scope is None and e.fact("query") not in asked:
                self.add("answer-without-charge")


def key_of(text):
    try:
        return bytes.fromhex(text)
    except (ValueError, TypeError):
        return None


def read_policy(document):
    """What a policy document says to a verifier, or None."""
    try:
        value = tomllib.loads(document.decode())
        dpo = value["dpo"]
        policy = {
            "hash": sha(document).hex(), "organisation": value["organisation"], "threshold": max(1, dpo.get("threshold", 1)),
            "keys": [bytes.fromhex(key) for key in dpo["keys"]],
            "second_keys": [bytes.fromhex(key) for key in dpo.get("second_keys", [])],
            "manual": {rule["id"] for rule in value.get("rules", []) if rule.get("approval") == "manual"},
        }
        return policy if policy["keys"] else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def unbase64(text):
    """Bytes, from base64 in its one form."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError
    return raw


def signature_of(line):
    try:
        return unbase64(line["sig"])
    except ValueError:
        return b""


def opened(body, name, keys, strict=False):
    """The payload of an envelope of that act and those of `keys` that signed it; `strict` where the envelope has one form only."""
    envelope = json.loads(body)
    if strict:
        lines = envelope["signatures"]
        texts = [envelope["payloadType"], envelope["payload"]] + [value for line in lines for value in line.values()]
        if (list(envelope) != ["payloadType", "payload", "signatures"] or type(lines) is not list or compact(envelope).encode() != body
                or any(list(line) != ["keyid", "sig"] for line in lines) or any(type(text) is not str for text in texts)
                or len(envelope["payload"]) > 22_369_620):
            raise ValueError
    payload = unbase64(envelope["payload"])
    kind = f"application/vnd.welfare-intelligence.{name}+json"
    if envelope["payloadType"] != kind:
        raise ValueError
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    by = {sha(key).hex(): key for key in keys}
    signers = {by[s["keyid"]] for s in envelope["signatures"]
               if s["keyid"] in by and signed(by[s["keyid"]], message, signature_of(s))}
    return payload, sorted(signers)


def acceptance(payload):
    """Section 5, Restored coordinators: the act, if it keeps every rule of its own."""
    text = payload.decode()
    act = json.loads(text)

    def digits(value, count):
        return type(value) is str and re.fullmatch(f"[0-9a-f]{{{count}}}", value) is not None

    def state(value):
        return (type(value) is dict and list(value) == ["size", "root"] and type(value["size"]) is int
                and 0 < value["size"] < 2 ** 64 and digits(value["root"], 64))

    def note(value):
        return type(value) is str and value.endswith("\n") and len(value.encode()) <= 16_384

    fields = ["version", "id", "organisation", "held", "held_note", "accepted", "accepted_note", "lost", "reason", "signed_at"]
    if type(act) is not dict or list(act) != fields or compact(act) != text:
        raise ValueError
    lost, reason = act["lost"], act["reason"]
    if not (
        type(act["version"]) is int and act["version"] == 1 and digits(act["id"], 32)
        and type(act["organisation"]) is str and re.fullmatch("[a-z0-9-]{1,64}", act["organisation"])
        and state(act["held"]) and state(act["accepted"]) and act["held"] != act["accepted"]
        and note(act["held_note"]) and note(act["accepted_note"])
        and type(lost) is list and all(digits(one, 32) for one in lost) and lost == sorted(set(lost))
        and type(reason) is str and reason.strip() and len(reason) <= 200
        and not any(unicodedata.category(c) == "Cc" for c in reason)
        and type(act["signed_at"]) is int and -2 ** 63 <= act["signed_at"] < 2 ** 63
    ):
        raise ValueError
    return act


def signed_policy(entry, last):
    """The policy that a `policy-signed` entry claims, and what is at fault with it."""
    claimed = None
    try:
        act = json.loads(base64.b64decode(json.loads(entry.body)["payload"], validate=True))
        claimed = read_policy(act["document"].encode())
    except (ValueError, KeyError, TypeError):
        return None, "altered"
    if last is None:
        return claimed, "altered"
    try:
        payload, signers = opened(entry.body, "policy-change", last["keys"])
    except (ValueError, KeyError, TypeError):
        return claimed, "signature"
    if len(signers) < last["threshold"] or act["organisation"] != last["organisation"]:
        return claimed, "signature"
    if claimed is None or claimed["organisation"] != last["organisation"] or act["replaces"] != last["hash"]:
        return claimed, "altered"
    stated = (entry.fact("policy-hash"), entry.fact("replaces"), entry.fact("act-id"), entry.fact("act-hash"))
    if stated != (claimed["hash"], act["replaces"], act["id"], sha(payload).hex()):
        return claimed, "altered"
    return claimed, None if entry.fact("signers") == ",".join(key.hex() for key in signers) else "signature"


def word_fault(entry, last):
    """What is at fault with a person's word."""
    try:
        payload, signers = opened(entry.body, "approval", last["keys"])
        act = json.loads(payload)
        stated = [entry.fact(name) for name in ("act-id", "act-hash", "request", "request-hash", "word")]
        fits = key_of(entry.fact("signer")) in signers and act["organisation"] == last["organisation"]
        if not fits or stated != [
                act["id"], sha(payload).hex(), act["request"], act["request_hash"], act["word"]]:
            return "signature"
    except (ValueError, KeyError, TypeError):
        return "signature"
    under = act.get("policy_hash") in (None, last["hash"]) and entry.fact("policy-hash") == last["hash"]
    return None if under else "not-in-force"


ACTS = {
    ("budget-move", "move"): ("budget-move", 1, {"act-id": ["id"], "part": ["part"], "from": ["from"], "to": ["to"], "rho": ["rho"]}),
    ("budget-move", "new-guarantee"): ("new-guarantee", 2, {
        "act-id": ["id"], "lifetime-before": ["lifetime_before"], "lifetime": ["lifetime"]}),
    ("restoration", "restoration"): ("restoration", 1, {
        "act-id": ["id"], "old-key": ["old_key"], "new-key": ["new_key"], "kept-size": ["kept", "size"],
        "kept-root": ["kept", "root"], "ended-size": ["ended", "size"], "ended-root": ["ended", "root"]}),
}


def act_signers(entry):
    """The signers that the header names, if all of them signed the body, an act of its kind that says what the header says."""
    try:
        envelope = json.loads(entry.body)
        payload = base64.b64decode(envelope["payload"], validate=True)
        kind = envelope["payloadType"].encode()
        message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        keys = [bytes.fromhex(k) for k in (entry.fact("signer"), entry.fact("second-signer")) if k]
        for key in keys:
            own = [base64.b64decode(s["sig"]) for s in envelope["signatures"] if s["keyid"] == sha(key).hex()]
            if not any(signed(key, message, s) for s in own):
                return None
        name, count, stated = ACTS[(entry.header["kind"], entry.fact("act"))]
        act = json.loads(payload)
        for fact, path in stated.items():
            value = act
            for step in path:
                value = value[step]
            if entry.fact(fact) != value:
                return None
        if name == "new-guarantee" and act["lifetime"] <= act["lifetime_before"]:
            return None
        right = kind == b"application/vnd.welfare-intelligence.%s+json" % name.encode() and len(set(keys)) == len(keys) == count
        return keys if right and sha(payload).hex() == entry.fact("act-hash") else None
    except (ValueError, KeyError, TypeError):
        return None


def compare(node, coordinator):
    organisation = node.manifest["organisation"]
    if coordinator.scope not in (None, organisation):
        return
    node_made, coordinator_made = node.manifest["made_at"], coordinator.manifest["made_at"]
    for request, theirs in coordinator.answers.items():
        if theirs.fact("node") != organisation:
            continue
        own = node.answers.get(request)
        if own is None:
            if theirs.header["at"] + SKEW < node_made:
                node.add("missing-counterpart")
            continue
        paid = node.allowed.get(request)
        if paid is not None and paid.header["kind"] == "reuse":
            paid = node.allowed.get(paid.fact("noise-of"))
        good = theirs.fact("sealed-hash") in (None, own.fact("answer-hash"))
        good &= paid is not None and paid.fact("rho") == theirs.fact("rho")
        if paid is not None and paid.fact("recovered-by") is None:
            good &= paid.header["index"] == theirs.fact("charge-index")
        if not good:
            node.add("counterpart-differs")
    for theirs in coordinator.refusals:
        if theirs.fact("node") == organisation and theirs.header["at"] + SKEW < node_made:
            same = (theirs.fact("request"), theirs.fact("rule"), theirs.fact("field"), theirs.fact("reason"))
            if same not in node.refusals:
                node.add("missing-counterpart")
    for request, allowed in node.allowed.items():
        known = any(a["index"] > allowed.header["index"] and request in a["lost"] for a in node.accepted)
        sent = coordinator.sent.get(request)
        if sent is None or sent.fact("node") != organisation:
            if not known and allowed.header["at"] + SKEW < coordinator_made:
                coordinator.add("missing-counterpart")
            continue
        hashes = (sent.fact("request-hash"), allowed.fact("request-hash"))
        if allowed.fact("recovered-by") is None and hashes[0] is not None and hashes[0] != hashes[1]:
            coordinator.add("counterpart-differs")
        expires = sent.fact("expires-at")
        lost = request in node.answers and request not in coordinator.answers
        if lost and not known and expires is not None and expires + SKEW < coordinator_made:
            coordinator.add("missing-counterpart")
    for one, other in ((node, coordinator), (coordinator, node)):
        for checkpoint in other.cosigned:
            if checkpoint[0] == one.origin:
                one.check_extends(checkpoint, node.accepted if one is coordinator else ())


def verify(keys, paths, checkpoints, witnesses=0):
    """The codes found, sorted; raises Unreadable."""
    trust = Trust(keys)
    trust.witnesses = witnesses
    for note in checkpoints:
        opened = trust.checkpoint(note)
        if opened is None:
            raise Unreadable("checkpoint")
        trust.held.append(opened[0])
    packs = [Pack(path, trust) for path in paths]
    accepted = [act for pack in packs if pack.side == "node" for act in pack.accepted]
    for pack in packs:
        pack.check_held(accepted if pack.side == "coordinator" else ())
    for node in packs:
        for coordinator in packs:
            if (node.side, coordinator.side) == ("node", "coordinator"):
                compare(node, coordinator)
    return sorted({code for pack in packs for code in pack.found})


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def main(arguments):
    paths, checkpoints, witnesses = [], [], 0
    while arguments:
        word = arguments.pop(0)
        if word == "--checkpoint" and arguments:
            checkpoints.append(read(arguments.pop(0)))
        elif word == "--witnesses" and arguments:
            witnesses = int(arguments.pop(0))
        else:
            paths.append(word)
    if len(paths) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        found = verify(read(paths[0]), paths[1:], checkpoints, witnesses)
    except (Unreadable, OSError) as error:
        print(f"unreadable: {error}", file=sys.stderr)
        return 1
    print("\n".join(found))
    return min((EXIT[code] for code in found), default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
