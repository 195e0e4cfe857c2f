#!/usr/bin/env python3
"""reference_engine.py: what the engine that some rules were written for makes of them.

usage: reference_engine.py CHECKOUT FOLDER TEXTS

CHECKOUT is one of https://github.com/thehalvo/homeostasis, whose
modules/analysis/rule_based.py tries each rule on each text.  FOLDER has the
rules, FOLDER/*/*.json, and TEXTS one text a line, in hexadecimal.  Prints the
nanoseconds that a text takes, of so many as take some seconds; then, of all
examples of the rules, how many there are, for how many a rule of the same
folder wins, and for how many the very rule.
"""
import glob
import importlib
import json
import os
import sys
import time
import types

SECONDS = 5


def import_engine(checkout):
    """The module, without what its package imports besides."""
    package = types.ModuleType("reference")
    package.__path__ = [os.path.join(checkout, "modules", "analysis")]
    sys.modules["reference"] = package
    return importlib.import_module("reference.rule_based")


def read_rules(engine, folder):
    """Of each rule that compiles: the engine's, and the name of its folder."""
    rules = []
    for path in sorted(glob.glob(os.path.join(folder, "*", "*.json"))):
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        for given in content.get("rules", []) if isinstance(content, dict) else content:
            try:
                rule = engine.Rule.from_dict(given)
            except Exception:  # whatever the engine can't do anything with
                continue
            rules.append((rule, os.path.basename(os.path.dirname(path))))
    return rules


def nanoseconds(analyzer, texts):
    """The mean time of a text."""
    begun = time.perf_counter_ns()
    n = 0
    while n < len(texts) and time.perf_counter_ns() - begun < SECONDS * 1e9:
        analyzer.analyze_error({"message": texts[n]})
        n += 1
    return (time.perf_counter_ns() - begun) // n


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    checkout, folder, path = sys.argv[1:]
    engine = import_engine(checkout)
    rules = read_rules(engine, folder)
    # With a folder that has rules it writes nothing.
    analyzer = engine.RuleBasedAnalyzer(rules_dir=engine.Path(folder), load_from_files=False)
    analyzer.rules = [rule for rule, _ in rules]
    with open(path, encoding="ascii") as file:
        texts = [bytes.fromhex(line).decode("utf-8") for line in file]
    print("match", nanoseconds(analyzer, texts))

    folder_of = {rule.id: name for rule, name in rules}
    total = same_folder = same_rule = 0
    for rule, name in rules:
        for example in rule.examples:
            if not isinstance(example, str):
                continue
            winner = analyzer.analyze_error({"message": example}).get("rule_id")
            total += 1
            same_folder += folder_of.get(winner) == name
            same_rule += winner == rule.id
    print("examples", total)
    print("folder", same_folder)
    print("rule", same_rule)


main()
