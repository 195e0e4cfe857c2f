# Makefile: builds, installs and tests Homeostasis
#
# `make help` lists the targets.  The module is built with PGXS; object files
# and everything else that is generated go into build/, except the shared
# library, which PGXS puts beside this file.
#
# A target that needs PostgreSQL's headers says so when they are missing and
# names the remedy, so this file must be readable without pg_config.

EXTENSION = homeostasis
EXTVERSION = 0.1
MODULE_big = homeostasis

.DEFAULT_GOAL = all
.DELETE_ON_ERROR:

# ---------------------------------------------------------------------------
# The SQL of the install script, in the order in which it runs: sql/schema,
# sql/code, then patch templates and rule packs (share/), then SQL_LAST, which
# hands everything created before it to its owner.  `make test-static` fails
# for a file that is not named here and for a name without a file.
# ---------------------------------------------------------------------------

SQL_SCHEMA_NAMES = \
	roles \
	services \
	errors \
	floods \
	patches \
	rules \
	learning \
	analyses \
	jobs \
	audit

SQL_CODE_NAMES = \
	transition \
	check \
	audit \
	reference \
	worker \
	partition \
	counts \
	issue \
	log_template \
	report \
	ingest \
	copy \
	rules \
	pack \
	foreign \
	load \
	match \
	lint \
	ruleset \
	cache \
	learning \
	diagnosis \
	unmatched \
	template \
	policy \
	patch \
	analyze \
	validation \
	deployment \
	job \
	heal \
	drops \
	spikes \
	advance \
	checkup \
	retention \
	compact \
	maintain \
	views \
	health

SQL_LAST_NAMES = privileges

SQL_NAMED = $(SQL_SCHEMA_NAMES:%=sql/schema/%.sql) \
	$(SQL_CODE_NAMES:%=sql/code/%.sql) $(SQL_LAST_NAMES:%=sql/schema/%.sql)

SQL_SCHEMA = $(wildcard $(SQL_SCHEMA_NAMES:%=sql/schema/%.sql))
SQL_CODE = $(wildcard $(SQL_CODE_NAMES:%=sql/code/%.sql))
SQL_LAST = $(wildcard $(SQL_LAST_NAMES:%=sql/schema/%.sql))

SQL_FILES = $(SQL_SCHEMA) $(SQL_CODE) $(TEMPLATES) $(SHIPPED_PACK) $(SQL_LAST)

# ---------------------------------------------------------------------------
# What is built from what
# ---------------------------------------------------------------------------

ROOMS = base text intake rules heal llm observe workers wire
SOURCES = $(sort $(wildcard src/*.c $(ROOMS:%=src/%/*.c)))
AGENT_SOURCES = $(sort $(wildcard src/agent/*.c))
TEMPLATES = $(sort $(wildcard share/templates/*.sql))

# The install script loads one rule pack; the others are files to be loaded.
SHIPPED_PACK = share/rules/postgresql.json
RULE_PACKS = $(filter-out $(SHIPPED_PACK),$(sort $(wildcard share/rules/*.json)))

OBJDIR = build/obj
OBJS = $(SOURCES:src/%.c=$(OBJDIR)/%.o)
AGENT = build/homeostasis-agent
AGENT_OBJS = $(AGENT_SOURCES:src/%.c=$(OBJDIR)/%.o)

INSTALL_SCRIPT_SQL = build/$(EXTENSION)--$(EXTVERSION).sql
DATA = $(sort $(wildcard sql/update/*--*--*.sql))
DATA_built = $(INSTALL_SCRIPT_SQL)

# Tests, demo and benchmarks run from a private copy of PostgreSQL, so a
# regression run of the system's installation is never what is meant.
NO_INSTALLCHECK = 1

PG_CONFIG ?= $(or $(shell command -v pg_config 2>/dev/null),$(lastword $(sort \
	$(wildcard /usr/lib/postgresql/*/bin/pg_config))),pg_config)
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

# ---------------------------------------------------------------------------
# Flags
# ---------------------------------------------------------------------------

WARNINGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wshadow \
	-Wstrict-prototypes -Wvla -Wwrite-strings

# PostgreSQL's own flags name options that only gcc knows.
ifneq ($(findstring clang,$(CC)),)
WARNINGS += -Wno-unknown-warning-option -Wno-ignored-attributes \
	-Wno-ignored-optimization-argument
endif

# WERROR=1 turns warnings into errors.
ifeq ($(WERROR),1)
WARNINGS += -Werror
endif

# pkg_config_or(option, package, what to use where pkg-config knows nothing)
pkg_config_or = $(or $(shell pkg-config $(1) $(2) 2>/dev/null),$(3))

# Only what is marked PGDLLEXPORT leaves the library.  Before version 16
# PostgreSQL defined that mark as nothing, so it is defined here; base/compat.h
# does the same for PG_FUNCTION_INFO_V1.
HS_CFLAGS = $(call pkg_config_or,--cflags,libhs,-I/usr/include/hs)
PG_CPPFLAGS = -Isrc $(HS_CFLAGS) \
	-DPGDLLEXPORT='__attribute__((visibility("default")))'
PG_CFLAGS = $(WARNINGS) -fvisibility=hidden
SHLIB_LINK = -Wl,--as-needed \
	$(call pkg_config_or,--libs,libpcre2-8,-lpcre2-8) \
	$(call pkg_config_or,--libs,libhs,-lhs) \
	$(call pkg_config_or,--libs,zlib,-lz) \
	$(call pkg_config_or,--libs,liblz4,-llz4) \
	$(call pkg_config_or,--libs,libzstd,-lzstd)

# The companion program is built with libpq and zlib, and without the server's
# headers.
AGENT_CFLAGS = -std=gnu11 -O2 -g $(WARNINGS) -D_GNU_SOURCE -Isrc \
	-DHOMEO_VERSION='"$(EXTVERSION)"' $(call pkg_config_or,--cflags,libpq,\
	-I$(shell $(PG_CONFIG) --includedir 2>/dev/null))
AGENT_LIBS = $(call pkg_config_or,--libs,libpq,\
	-L$(shell $(PG_CONFIG) --libdir 2>/dev/null) -lpq) \
	$(call pkg_config_or,--libs,zlib,-lz)

# ---------------------------------------------------------------------------
# Targets that work without PostgreSQL.  The text behind ## is what
# `make help` shows.
# ---------------------------------------------------------------------------

KINDS = static unit isolation sql tap

.PHONY: all install uninstall help setup private clean clean-build demo bench \
	docs test installcheck check-server sanitize sqlsmith mutants soak fuzz \
	$(KINDS:%=test-%) floors indent indent-check objects sql-list warnings \
	cppcheck agent-alone modules .demo .bench .test .sqlsmith .soak

all: $(AGENT) ## build the module, its install script, the agent (the default)

.PHONY: homeostasis-agent
homeostasis-agent: $(AGENT) ## build only the companion program; needs libpq, no server

$(AGENT): $(AGENT_OBJS)
	$(CC) $(AGENT_CFLAGS) $(LDFLAGS) -o $@ $(AGENT_OBJS) $(AGENT_LIBS)

$(AGENT_OBJS): $(OBJDIR)/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(AGENT_CFLAGS) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

-include $(wildcard $(AGENT_OBJS:.o=.d))

install: ## install into the PostgreSQL that PG_CONFIG names

uninstall: ## remove what `make install` installed

help: ## list the targets
	@echo 'usage: make [target] [PG_CONFIG=/path/to/pg_config] [WERROR=1]'
	@sed -n 's/^\([a-zA-Z][a-zA-Z_%-]*\):[^#]*## \(.*\)/\1|\2/p' \
		$(firstword $(MAKEFILE_LIST)) | \
		awk -F '|' '{ printf "  make %-16s %s\n", $$1, $$2 }'

setup: ## install the Debian packages that are missing (root or sudo)
	@PG_CONFIG='$(PG_CONFIG)' test/setup.sh test

# Demo, tests and benchmarks install what is missing first, and then begin
# anew, because only then can this file know where PostgreSQL is.

demo: ## set up, build, and watch a live database heal
	@PG_CONFIG='$(PG_CONFIG)' test/setup.sh run
	@$(MAKE) -s --no-print-directory .demo

test: ## set up, build, and run all tests; T='pattern...' chooses files
	@PG_CONFIG='$(PG_CONFIG)' test/setup.sh test
	@$(MAKE) -s --no-print-directory .test

installcheck: test

# Not part of `make test`: it runs the tests again and again, for an hour.
mutants: ## take protections out one at a time and see tests fail; M='name...' chooses
	@PG_CONFIG='$(PG_CONFIG)' test/setup.sh test
	@PG_CONFIG='$(PG_CONFIG)' M='$(M)' test/run-mutants.sh

# Not part of `make test`: how long it takes is for the caller to say.
SECONDS = 60
sqlsmith: ## try random queries beside the module [SECONDS=60]
	@PG_CONFIG='$(PG_CONFIG)' test/setup.sh sqlsmith
	@$(MAKE) -s --no-print-directory .sqlsmith

SOAK_MINUTES = 10
soak: ## throw random faults at a server under load [SOAK_MINUTES=10] [SOAK_SEED=n]
	@PG_CONFIG='$(PG_CONFIG)' test/setup.sh test
	@$(MAKE) -s --no-print-directory .soak

# Nor is this: it builds a PostgreSQL from its sources.
sanitize: ## look for misuse of memory while tests run [WITH=valgrind] [T=...]
	@PG_CONFIG='$(PG_CONFIG)' test/setup.sh sanitize
	@PG_CONFIG='$(PG_CONFIG)' WITH='$(WITH)' T='$(T)' test/sanitize.sh

bench: ## set up, build, and run all benchmarks
	@PG_CONFIG='$(PG_CONFIG)' test/setup.sh run
	@$(MAKE) -s --no-print-directory .bench

bench-%: ## run one benchmark, bench/%
	@PG_CONFIG='$(PG_CONFIG)' test/setup.sh run
	@$(MAKE) -s --no-print-directory .bench BENCH='bench/$*'

# A program of its own, which needs neither a server nor the module.
FOLDER = test/data/logs
GROUPING_SOURCES = $(addprefix src/text/,miner.c miner_store.c log_line.c \
	normalize.c normalize_mode.c normalize_quote.c) \
	$(wildcard src/text/token_*.c)

build/bench/grouping: bench/grouping.c bench/lib/labelled.h \
		$(GROUPING_SOURCES) $(wildcard src/text/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g $(WARNINGS) -D_GNU_SOURCE -Isrc -Ibench -o $@ \
		$< $(GROUPING_SOURCES)

.PHONY: bench-grouping
bench-grouping: build/bench/grouping ## group lines of labelled logs [FOLDER=test/data/logs]
	@build/bench/grouping $(FOLDER)

build/bench/rules_yardstick: bench/lib/rules_yardstick.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g $(WARNINGS) $(HS_CFLAGS) -o $@ $< \
		$(call pkg_config_or,--libs,libpcre2-8,-lpcre2-8) \
		$(call pkg_config_or,--libs,libhs,-lhs)

floors: ## check that no room includes one of a floor above it
	@test/static/floors.pl

clean: clean-build ## remove build/ and the library; what runs keeps running

clean-build:
	@test/private.sh remove
	rm -rf build

# ---------------------------------------------------------------------------
# Targets that need PostgreSQL's headers
# ---------------------------------------------------------------------------

NEED_PGXS = private check-server docs objects indent indent-check warnings \
	cppcheck $(KINDS:%=test-%) .demo .test .bench .sqlsmith .soak

ifeq ($(wildcard $(PGXS)),)

all install uninstall $(NEED_PGXS):
	@PG_CONFIG='$(PG_CONFIG)' test/setup.sh explain
	@exit 1

clean:
	rm -f $(MODULE_big).so

else

# Nothing here is compiled to LLVM bitcode, so clang is not needed.  On the
# command line of PGXS this would be with_llvm=no; an override does the same.
override with_llvm = no

include $(PGXS)

$(OBJS): $(OBJDIR)/%.o: src/%.c $(OBJDIR)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

-include $(wildcard $(OBJS:.o=.d))

install: install-agent install-packs
uninstall: uninstall-agent uninstall-packs

.PHONY: install-agent uninstall-agent install-packs uninstall-packs
install-packs:
	$(MKDIR_P) '$(DESTDIR)$(datadir)/homeostasis/rules'
	$(INSTALL_DATA) $(RULE_PACKS) '$(DESTDIR)$(datadir)/homeostasis/rules'

uninstall-packs:
	rm -f $(patsubst share/rules/%,'$(DESTDIR)$(datadir)/homeostasis/rules/%',$(RULE_PACKS))
	-rmdir '$(DESTDIR)$(datadir)/homeostasis/rules' '$(DESTDIR)$(datadir)/homeostasis'

install-agent: $(AGENT)
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) $(AGENT) '$(DESTDIR)$(bindir)'

uninstall-agent:
	rm -f '$(DESTDIR)$(bindir)/homeostasis-agent'

# The names of SQLSTATEs as this version of PostgreSQL has them.
ERRCODES = $(shell $(PG_CONFIG) --sharedir)/errcodes.txt
$(OBJDIR)/intake/sqlstate.o: CPPFLAGS += -Ibuild
$(OBJDIR)/intake/sqlstate.o: build/sqlstate_names.h
build/sqlstate_names.h: $(ERRCODES) Makefile
	@mkdir -p $(@D)
	awk '$$1 ~ /^[0-9A-Z]+$$/ && length($$1) == 5 && NF == 4 && !seen[$$1]++ { printf "\t{\"%s\", \"%s\"},\n", $$1, $$4 }' \
		$(ERRCODES) | LC_ALL=C sort > $@

# Changes only when the compiler, a flag or the server's version does, so
# that objects built with other flags are not taken for current ones.
$(OBJDIR)/flags: export FLAGS_NOW = $(CC) $(CFLAGS) $(CPPFLAGS) $(VERSION)
$(OBJDIR)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS_NOW" | cmp -s - $@ || \
		printf '%s\n' "$$FLAGS_NOW" > $@

# Change when a source file comes or goes: what is made of all of them is then
# made anew.
build/objects: export FILES_NOW = $(OBJS)
build/sql-files: export FILES_NOW = $(SQL_FILES)
build/objects build/sql-files: FORCE
	@mkdir -p $(@D)
	@echo "$$FILES_NOW" | cmp -s - $@ || echo "$$FILES_NOW" > $@

$(MODULE_big).so: build/objects

.PHONY: FORCE
FORCE:

$(INSTALL_SCRIPT_SQL): sql/assemble.sh build/sql-files $(SQL_FILES)
	sql/assemble.sh $(EXTENSION) $(SQL_FILES) > $@

private: all ## install into a private copy of PostgreSQL, build/root
	@PG_CONFIG='$(PG_CONFIG)' test/private.sh prepare
	@$(MAKE) -s --no-print-directory install \
		DESTDIR="$$(readlink -f build/root)"


# ---------------------------------------------------------------------------
# Tests
# ---------------------------------------------------------------------------

# Every kind of test runs, whatever the ones before it gave.  With T, those
# kinds run that T names a file of.
.test: private
	@failed=; chosen=; \
	for kind in $(KINDS); do \
		folder=test/$$kind/; \
		[ $$kind != tap ] || folder=test/t/; \
		case "$(or $(T:%=_%), _$$folder)" in \
			*"_$$folder"*) ;; \
			*) continue ;; \
		esac; \
		chosen=1; \
		echo "== make test-$$kind"; \
		$(MAKE) --no-print-directory test-$$kind || \
			failed="$$failed test-$$kind"; \
	done; \
	[ -n "$$chosen" ] || { echo "no test matches T='$(T)'"; exit 1; }; \
	[ -z "$$failed" ] || { echo "failed:$$failed"; exit 1; }

test-sql: private ## run the pgTAP tests, test/sql
	@T='$(T)' test/run-sql.sh

test-tap: private modules ## run the tests of whole clusters, test/t
	@T='$(T)' test/run-tap.sh

test-isolation: private ## run the tests of concurrent sessions, test/isolation
	@T='$(T)' test/run-isolation.sh

# Modules that only tests load, from the private installation.
MODULES_SO = $(patsubst test/modules/%.c,build/modules/%.so,$(sort \
	$(wildcard test/modules/*.c)))

build/modules/%.so: test/modules/%.c $(OBJDIR)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -shared -o $@ $< $(MODULE_LIBS)

build/modules/rule_fuzz.so: MODULE_LIBS = $(call pkg_config_or,--libs,libpcre2-8,-lpcre2-8)

modules: private $(MODULES_SO)
	@. build/private.env && install -m 755 $(MODULES_SO) "$$PG_PKGLIBDIR"

# Sources that do not need the server are tested on their own, with the
# sanitizers that do not get along with it.
PLAIN_SOURCES := $(shell grep -L '"postgres\.h"' $(SOURCES) /dev/null | \
	grep -v /dev/null)
SANITIZE = -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all
UNIT_CFLAGS = -std=gnu11 -g -O1 $(WARNINGS) -Isrc -Itest/unit $(HS_CFLAGS) \
	-I$(shell $(PG_CONFIG) --includedir-server) $(SANITIZE)
# What PCRE2 and Vectorscan say is compared with what the sources say; the
# checksums of PostgreSQL come in a library of its own.
UNIT_LIBS = $(SHLIB_LINK) $(shell $(PG_CONFIG) --pkglibdir)/libpgport.a
UNIT_OBJS = $(PLAIN_SOURCES:src/%.c=build/unit/src/%.o)
UNIT_TESTS = $(patsubst test/unit/%.c,build/unit/%,$(sort \
	$(wildcard test/unit/*.c)))

build/unit/src/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<

build/unit/%: test/unit/%.c $(UNIT_OBJS) Makefile
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(UNIT_OBJS) $(UNIT_LIBS)

# So is the companion program, whose tests are test/unit/agent_*.
AGENT_PLAIN = $(filter-out src/agent/main.c,$(AGENT_SOURCES))
AGENT_UNIT_OBJS = $(AGENT_PLAIN:src/%.c=build/unit/src/%.o)
AGENT_UNIT_CFLAGS = $(AGENT_CFLAGS) -O1 -Itest/unit $(SANITIZE)

$(AGENT_UNIT_OBJS): UNIT_CFLAGS := $(AGENT_UNIT_CFLAGS)

build/unit/agent_%: test/unit/agent_%.c $(AGENT_UNIT_OBJS) Makefile
	@mkdir -p $(@D)
	$(CC) $(AGENT_UNIT_CFLAGS) -MMD -MP -MF $@.d -o $@ $< \
		$(AGENT_UNIT_OBJS) $(AGENT_LIBS)

build/unit/fuzz_agent_%: test/unit/fuzz_agent_%.c $(AGENT_UNIT_OBJS) Makefile
	@mkdir -p $(@D)
	$(CC) $(AGENT_UNIT_CFLAGS) -MMD -MP -MF $@.d -o $@ $< \
		$(AGENT_UNIT_OBJS) $(AGENT_LIBS)

-include $(wildcard $(UNIT_OBJS:.o=.d) $(AGENT_UNIT_OBJS:.o=.d) \
	$(UNIT_TESTS:=.d))

test-unit: $(UNIT_TESTS) ## run the tests of code that needs no server, test/unit
	@T='$(T)' test/run-unit.sh

# The same sources under libFuzzer: FUZZ=normalize chooses a target,
# FUZZ_SECONDS is the time for each.  What is found new stays in build/fuzz.
FUZZ = $(notdir $(basename $(sort $(wildcard test/fuzz/*.c))))
FUZZ_SECONDS = 60

NEED_CLANG = command -v $(CLANG) > /dev/null || { \
	echo "fuzzing needs clang: install clang-14 and libclang-rt-14-dev"; \
	exit 1; }

build/fuzz/%: test/fuzz/%.c test/fuzz/check.h $(PLAIN_SOURCES) Makefile
	@$(NEED_CLANG)
	@mkdir -p $(@D)
	$(CLANG) $(UNIT_CFLAGS) -fsanitize=fuzzer -o $@ $< $(PLAIN_SOURCES) \
		$(UNIT_LIBS)

build/fuzz/agent_%: test/fuzz/agent_%.c test/fuzz/check.h $(AGENT_PLAIN) Makefile
	@$(NEED_CLANG)
	@mkdir -p $(@D)
	$(CLANG) $(AGENT_UNIT_CFLAGS) -fsanitize=fuzzer -o $@ $< $(AGENT_PLAIN) \
		$(AGENT_LIBS)

fuzz: $(FUZZ:%=build/fuzz/%) ## fuzz the parsers [FUZZ=name] [FUZZ_SECONDS=60]
	@for name in $(FUZZ); do \
		mkdir -p build/fuzz/corpus/$$name && \
		build/fuzz/$$name -max_total_time=$(FUZZ_SECONDS) -timeout=5 \
			-max_len=4096 -print_final_stats=1 -verbosity=0 \
			-artifact_prefix=build/fuzz/$$name- \
			build/fuzz/corpus/$$name test/fuzz/corpus/$$name || exit 1; \
	done

# Not part of `make test`: it fetches the sources of the installed PostgreSQL.
check-server: private ## run PostgreSQL's own regression tests beside the module
	@PG_CONFIG='$(PG_CONFIG)' test/check-server.sh

.soak: private modules
	@SOAK_MINUTES='$(SOAK_MINUTES)' SOAK_SEED='$(SOAK_SEED)' T= \
		test/run-tap.sh soak

.sqlsmith: private
	@test/sqlsmith.sh '$(SECONDS)'

# The layout is what the pg_bsd_indent for PostgreSQL 15 makes of it.
STATIC_CHECKS = $(if $(filter 15,$(MAJORVERSION)),indent-check) floors sql-list warnings cppcheck agent-alone

test-static: ## check layout, floors, warnings, cppcheck, the install script's list
	@$(MAKE) -s -k --no-print-directory $(STATIC_CHECKS)

sql-list:
	@test/static/sql_list.sh $(SQL_NAMED)

warnings:
	@$(MAKE) -s --no-print-directory objects OBJDIR=build/warnings-gcc \
		CC=gcc WERROR=1
	@if command -v $(CLANG) > /dev/null; then \
		$(MAKE) -s --no-print-directory objects CC=$(CLANG) \
			OBJDIR=build/warnings-clang WERROR=1; \
	fi

cppcheck:
	@test/static/cppcheck.sh $(SOURCES) $(AGENT_SOURCES)

# The companion program is built where no server is.
agent-alone:
	@test/static/agent_alone.sh '$(CC) $(AGENT_CFLAGS)' $(AGENT_SOURCES)

objects: $(OBJS) $(AGENT_OBJS)

# ---------------------------------------------------------------------------
# Layout of the C code
# ---------------------------------------------------------------------------

C_FILES = $(sort $(wildcard src/*.[ch] src/*/*.[ch] test/unit/*.[ch] \
	test/fuzz/*.[ch] bench/*.[ch] bench/lib/*.[ch]))

# Names of types are taken from the debugging information of the objects; our
# own types are told by their names; the list beside indent.pl holds the rest.
build/typedefs: $(OBJS) $(AGENT_OBJS) $(C_FILES) test/static/typedefs.list
	@mkdir -p $(@D)
	@{ objdump --dwarf=info $(OBJS) $(AGENT_OBJS) /dev/null 2> /dev/null | \
		sed -n '/(DW_TAG_typedef)/{n;s/.*DW_AT_name.*: //p}'; \
	  grep -oh '\bHomeo[A-Z][A-Za-z0-9]*' $(C_FILES); \
	  cat test/static/typedefs.list; } | sort -u > $@

indent: build/typedefs ## lay out the C code as PostgreSQL does
	@test/static/indent.pl $< $(C_FILES)

indent-check: build/typedefs ## show where the layout differs from that
	@test/static/indent.pl --check $< $(C_FILES)

docs: private ## print docs/reference.md from the catalogs
	@test/cluster.sh run -- psql -XqAt -v ON_ERROR_STOP=1 \
		-f docs/reference.sql > build/reference.md
	@cp build/reference.md docs/reference.md

# ---------------------------------------------------------------------------
# Demo and benchmarks
# ---------------------------------------------------------------------------

.demo: private
	@demo/run

# Executables in bench/ are benchmarks; BENCH names one.
BENCH = $(shell find bench -maxdepth 1 -type f -perm -u+x 2>/dev/null | sort)

.bench: private build/bench/rules_yardstick
	@for bench in $(BENCH); do \
		echo "== $$bench"; \
		$$bench || exit; \
	done

endif
