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
	rules \
	patches \
	jobs \
	audit

SQL_CODE_NAMES = \
	transition \
	audit \
	worker \
	partition \
	issue \
	report \
	ingest \
	rules \
	templates \
	policy \
	patch \
	validation \
	deployment \
	job \
	heal \
	advance \
	checkup \
	maintain \
	views

SQL_LAST_NAMES = privileges

SQL_SCHEMA = $(wildcard $(SQL_SCHEMA_NAMES:%=sql/schema/%.sql))
SQL_CODE = $(wildcard $(SQL_CODE_NAMES:%=sql/code/%.sql))
SQL_LAST = $(wildcard $(SQL_LAST_NAMES:%=sql/schema/%.sql))

# ---------------------------------------------------------------------------
# What is built from what
# ---------------------------------------------------------------------------

ROOMS = base text intake rules heal llm observe workers wire
SOURCES = $(sort $(wildcard src/*.c $(ROOMS:%=src/%/*.c)))
TEMPLATES = $(sort $(wildcard share/templates/*.sql))
RULE_PACKS = $(sort $(wildcard share/rules/*.json))

OBJDIR = build/obj
OBJS = $(SOURCES:src/%.c=$(OBJDIR)/%.o)

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
WARNINGS += -Wno-unknown-warning-option -Wno-ignored-optimization-argument
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
PG_CPPFLAGS = -I$(srcdir)/src \
	$(call pkg_config_or,--cflags,libhs,-I/usr/include/hs) \
	-DPGDLLEXPORT='__attribute__((visibility("default")))'
PG_CFLAGS = $(WARNINGS) -fvisibility=hidden
SHLIB_LINK = -Wl,--as-needed \
	$(call pkg_config_or,--libs,libpcre2-8,-lpcre2-8) \
	$(call pkg_config_or,--libs,libhs,-lhs)

# ---------------------------------------------------------------------------
# Targets that work without PostgreSQL.  The text behind ## is what
# `make help` shows.
# ---------------------------------------------------------------------------

.PHONY: all install uninstall help setup private clean clean-build demo bench test \
	installcheck .test .bench

all: ## build the module and its install script (the default)

install: ## install into the PostgreSQL that PG_CONFIG names

uninstall: ## remove what `make install` installed

help: ## list the targets
	@echo 'usage: make [target] [PG_CONFIG=/path/to/pg_config] [WERROR=1]'
	@sed -n 's/^\([a-zA-Z][a-zA-Z_%-]*\):[^#]*## \(.*\)/\1|\2/p' \
		$(firstword $(MAKEFILE_LIST)) | \
		awk -F '|' '{ printf "  make %-16s %s\n", $$1, $$2 }'

setup: ## install the Debian packages that are missing (root or sudo)
	@PG_CONFIG='$(PG_CONFIG)' test/setup.sh test

clean: clean-build ## remove build/ and the library; what runs keeps running

clean-build:
	@test/private.sh remove
	rm -rf build

# ---------------------------------------------------------------------------
# Targets that need PostgreSQL's headers
# ---------------------------------------------------------------------------

NEED_PGXS = private .bench

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

$(OBJS): $(OBJDIR)/%.o: src/%.c build/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

-include $(wildcard $(OBJS:.o=.d))

# Changes only when the compiler, a flag or the server's version does, so
# that objects built with other flags are not taken for current ones.
build/flags: export FLAGS_NOW = $(CC) $(CFLAGS) $(CPPFLAGS) $(VERSION)
build/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS_NOW" | cmp -s - $@ || \
		printf '%s\n' "$$FLAGS_NOW" > $@

# Changes when a source file comes or goes: the library is then linked anew.
build/objects: FORCE
	@mkdir -p $(@D)
	@echo $(OBJS) | cmp -s - $@ || echo $(OBJS) > $@

$(MODULE_big).so: build/objects

.PHONY: FORCE
FORCE:

$(INSTALL_SCRIPT_SQL): sql/assemble.sh Makefile $(SQL_SCHEMA) $(SQL_CODE) \
		$(TEMPLATES) $(RULE_PACKS) $(SQL_LAST)
	@mkdir -p $(@D)
	sql/assemble.sh $(EXTENSION) $(SQL_SCHEMA) $(SQL_CODE) $(TEMPLATES) \
		$(RULE_PACKS) $(SQL_LAST) > $@

private: all ## install into a private copy of PostgreSQL, build/root
	@PG_CONFIG='$(PG_CONFIG)' test/private.sh prepare
	@$(MAKE) -s --no-print-directory install \
		DESTDIR="$$(readlink -f build/root)"

endif
