# gofercert: plain GNU make. `make help` lists the targets.
#
# A new .c file in a room needs no edit here: sources are found by wildcard. Everything that is
# built goes to build/. Variables worth setting: CC, CFLAGS, LDFLAGS, PREFIX, DESTDIR, V=1.

VERSION := 0.1.0
BUILD := build

PREFIX ?= /usr/local
bindir ?= $(PREFIX)/bin
libexecdir ?= $(PREFIX)/libexec
datadir ?= $(PREFIX)/share
mandir ?= $(datadir)/man

CFLAGS ?= -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
LDFLAGS ?= -Wl,-z,relro,-z,now
PKG_CONFIG ?= pkg-config
INSTALL ?= install
SH ?= sh

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# Rooms ------------------------------------------------------------------------------------------

LIB_ROOMS := base spec model execute interpose observe engine
NOT_CASES := suite/unit/% suite/fuzz/% suite/e2e/%

HARNESS_SRC := $(sort $(wildcard $(LIB_ROOMS:%=harness/%/*.c) reports/*.c) \
	$(filter-out $(NOT_CASES),$(wildcard suite/*/*.c)))
FAKEGOFER_SRC := $(sort $(wildcard fakegofer/*/*.c))
CMD_SRC := $(sort $(wildcard harness/cmd/*.c))
GUEST_SRC := $(sort $(wildcard fixtures/guest/*.c))
REFRUN_SRC := $(sort $(wildcard fixtures/refrun/*.c))
SHIM_SRC := $(sort $(wildcard harness/interpose/shim/*.c))
BENCH_SRC := $(sort $(wildcard fixtures/bench/*.c))
UNIT_SRC := $(sort $(wildcard suite/unit/*_test.c))
UNIT_SUPPORT_SRC := $(sort $(wildcard suite/unit/support/*.c))
E2E_SRC := $(sort $(wildcard suite/e2e/*.c))
E2E_SUPPORT_SRC := $(sort $(wildcard suite/e2e/support/*.c))
FUZZ_SRC := $(sort $(wildcard suite/fuzz/*_fuzz.c))
FUZZ_SEEDS_SRC := $(sort $(wildcard suite/fuzz/seeds*.c))

PROGRAMS := $(BUILD)/gofercert $(BUILD)/probe $(BUILD)/refrun $(BUILD)/shim
LIBS := $(BUILD)/libharness.a $(BUILD)/libfakegofer.a
UNIT_TESTS := $(UNIT_SRC:suite/unit/%_test.c=$(BUILD)/test/%)
E2E_TESTS := $(E2E_SRC:suite/e2e/%.c=$(BUILD)/test/e2e_%)
FUZZ_TARGETS := $(FUZZ_SRC:suite/fuzz/%_fuzz.c=$(BUILD)/target/%)
SCRIPT_TESTS := $(sort $(wildcard fixtures/make/test/*_test.sh))

objects = $(1:%.c=$(BUILD)/obj/%.o)
static_objects = $(1:%.c=$(BUILD)/obj-static/%.o)

HOSTED_SRC := $(HARNESS_SRC) $(FAKEGOFER_SRC) $(CMD_SRC) $(REFRUN_SRC) $(SHIM_SRC) $(BENCH_SRC) \
	$(UNIT_SRC) $(UNIT_SUPPORT_SRC) $(E2E_SRC) $(E2E_SUPPORT_SRC) $(FUZZ_SRC) $(FUZZ_SEEDS_SRC)

# Flags ------------------------------------------------------------------------------------------

PKGS := libseccomp json-c libcrypto
ifneq ($(wildcard fakegofer/backend/fuse*.c),)
PKGS += fuse3
endif

# Asked once and only when something is compiled: `make deps` must work without pkg-config.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $$(shell $(PKG_CONFIG) --libs $(PKGS)))$(PKG_LIBS)
# What every step of a sandbox executes is linked without a loader to run, where the libraries are there as archives
# and nothing is instrumented: an exec takes half the time. libfuse3 could load modules, and never does.
EXECED_STATIC := -static -Wl,--wrap=dlopen -Wl,--defsym=__wrap_dlopen=abort
EXECED = $(eval EXECED := $$(if $$(findstring -fsanitize,$$(CFLAGS)),-pie,$$(shell \
	echo 'int main(void) { return 0; }' | $(CC) $(EXECED_STATIC) -x c -o /dev/null - $(PKG_LIBS) \
	>/dev/null 2>&1 && echo '$(EXECED_STATIC)' || echo -pie)))$(EXECED)
TEST_LIBS = $(eval TEST_LIBS := $$(shell $(PKG_CONFIG) --libs cmocka libpcap))$(TEST_LIBS)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Werror
LANGUAGE := -std=gnu17 -D_GNU_SOURCE -I. -Iharness
DEFINES := -DGOFERCERT_VERSION='"$(VERSION)"' \
	-DGOFERCERT_LIBEXECDIR='"$(libexecdir)/gofercert"' \
	-DGOFERCERT_DATADIR='"$(datadir)/gofercert"'

COMPILE = $(CC) $(LANGUAGE) $(DEFINES) $(PKG_CFLAGS) -fPIE $(CFLAGS) $(WARNINGS) $(CPPFLAGS)
COMPILE_STATIC = $(CC) $(LANGUAGE) $(DEFINES) -Os -g $(WARNINGS)
LINK = $(CC) -pie $(CFLAGS) $(LDFLAGS)
LINK_STATIC = $(CC) -static -Os -g
LINK_EXECED = $(CC) $(EXECED) $(CFLAGS) $(LDFLAGS)
GROUP = -Wl,--start-group $(LIBS) -Wl,--end-group $(PKG_LIBS)

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)'
endif

# Build ------------------------------------------------------------------------------------------

.PHONY: all
all: $(PROGRAMS) ## build gofercert and its helpers (the default)

.PHONY: tests
tests: $(UNIT_TESTS) $(E2E_TESTS) ## build the test programs under build/test

$(BUILD):
	@mkdir -p $@

# Two kinds of stamp, rewritten only when their text changes: the flags, so that a change of
# flags rebuilds, and each archive's member list, so that a removed source leaves no object behind.
define stamp
$(1): FORCE | $(BUILD)
	$$(file >$$@.new,$(2))
	@if cmp -s $$@.new $$@; then rm -f $$@.new; else mv -f $$@.new $$@; fi
endef
$(eval $(call stamp,$(BUILD)/flags,$$(COMPILE) $$(COMPILE_STATIC) $$(LINK)))
$(eval $(call stamp,$(BUILD)/libharness.list,$$(HARNESS_SRC)))
$(eval $(call stamp,$(BUILD)/libfakegofer.list,$$(FAKEGOFER_SRC)))

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

$(BUILD)/obj-static/%.o: %.c $(BUILD)/flags
	$(call say,CC,$< (static))
	@mkdir -p $(@D)
	$(Q)$(COMPILE_STATIC) -MMD -MP -c -o $@ $<

define archive
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcsD $@ $(filter %.o,$^)
endef

$(BUILD)/libharness.a: $(call objects,$(HARNESS_SRC)) $(BUILD)/libharness.list
	$(archive)

$(BUILD)/libfakegofer.a: $(call objects,$(FAKEGOFER_SRC)) $(BUILD)/libfakegofer.list
	$(archive)

$(BUILD)/gofercert: $(call objects,$(CMD_SRC))
$(BUILD)/refrun: $(call objects,$(REFRUN_SRC))
$(BUILD)/shim: $(call objects,$(SHIM_SRC))
$(BUILD)/bench-wire: $(call objects,fixtures/bench/wire.c)
$(BUILD)/bench-filter: $(call objects,fixtures/bench/filter.c)

$(BUILD)/gofercert $(BUILD)/bench-wire $(BUILD)/bench-filter: $(LIBS)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(GROUP)

$(BUILD)/refrun $(BUILD)/shim: $(LIBS)
	$(call say,LD,$@)
	$(Q)$(LINK_EXECED) -o $@ $(filter %.o,$^) $(GROUP)

# The container's only file: static, libc and nothing else.
$(BUILD)/probe: $(call static_objects,$(GUEST_SRC))
	$(call say,LD,$@)
	$(Q)$(LINK_STATIC) -o $@ $(filter %.o,$^)

# The tests of suite/unit/nth_rig.h make these calls fail.
WRAPPED := malloc calloc realloc reallocarray free strdup strndup getcwd vasprintf __vasprintf_chk \
	asprintf __asprintf_chk \
	json_object_new_object json_object_new_array json_object_new_string \
	json_object_new_string_len json_object_new_int64 json_object_new_boolean \
	json_object_object_add json_object_array_add json_tokener_new_ex \
	json_object_to_json_string_ext fdopendir read write sendmsg recvmsg fstat openat open fcntl \
	socketpair mmap syscall
$(BUILD)/test/nth_%: WRAP := $(WRAPPED:%=-Wl,--wrap=%)

define link_test
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) $(WRAP) -o $@ $(filter %.o,$^) $(GROUP) $(TEST_LIBS)
endef

$(UNIT_TESTS): $(BUILD)/test/%: $(BUILD)/obj/suite/unit/%_test.o \
		$(call objects,$(UNIT_SUPPORT_SRC)) $(LIBS)
	$(link_test)

$(E2E_TESTS): $(BUILD)/test/e2e_%: $(BUILD)/obj/suite/e2e/%.o \
		$(call objects,$(E2E_SUPPORT_SRC) $(UNIT_SUPPORT_SRC)) $(LIBS)
	$(link_test)

# Fuzzing targets, in a build of their own: fixtures/make/fuzz.sh gives the compiler and its flags.
$(FUZZ_TARGETS): $(BUILD)/target/%: $(BUILD)/obj/suite/fuzz/%_fuzz.o $(LIBS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(GROUP)

$(BUILD)/seeds-of: $(call objects,$(FUZZ_SEEDS_SRC)) $(LIBS)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(GROUP)

.PHONY: fuzz-targets
fuzz-targets: $(FUZZ_TARGETS) $(BUILD)/seeds-of

# Every object there is, for a compiler whose programs cannot run here.
.PHONY: objects
objects: $(call objects,$(HOSTED_SRC)) $(call static_objects,$(GUEST_SRC))

# Set-up and use ---------------------------------------------------------------------------------

# What the scripts of fixtures/make read; RUNTIME and OUT may come from the command line.
export MAKE BUILD RUNTIME OUT CC PKG_CONFIG FUZZ_SECONDS

.PHONY: deps
deps: ## install what building and testing needs and is not there (apt-get)
	@$(SH) fixtures/make/deps.sh

.PHONY: runtimes
runtimes: ## bring the three pinned real runtimes to build/runtimes
	@$(SH) fixtures/make/runtimes.sh

.PHONY: certify
certify: ## set up and certify RUNTIME=PATH (the pinned opt-out runsc by default); ARGS='…' to run
	@$(SH) fixtures/make/certify.sh $(ARGS)

.PHONY: check
check: ## set up, run every unit and end-to-end test, print the counts
	@$(SH) fixtures/make/check.sh $(UNIT_TESTS) $(E2E_TESTS) $(SCRIPT_TESTS)

.PHONY: check-asan
check-asan: ## the unit tests again, in a build with the address, leak and undefined-behaviour sanitizers
	@$(SH) fixtures/make/memory.sh asan $(notdir $(UNIT_TESTS) $(E2E_TESTS))

.PHONY: check-tsan
check-tsan: ## the tests in which threads run, in a build with the thread sanitizer
	@$(SH) fixtures/make/memory.sh tsan $(notdir $(UNIT_TESTS) $(E2E_TESTS))

.PHONY: check-valgrind
check-valgrind: ## the unit tests under memcheck: memory, leaks, descriptors left open
	@$(SH) fixtures/make/memory.sh valgrind $(notdir $(UNIT_TESTS) $(E2E_TESTS))

.PHONY: check-killed
check-killed: all $(BUILD)/test/e2e_killed ## the runtime killed at its n-th system call, for every n (check takes every 16th)
	@KILL_STRIDE=1 $(SH) fixtures/make/check.sh --no-set-up $(BUILD)/test/e2e_killed

.PHONY: coverage
coverage: ## line and branch coverage of each room, by the unit tests and some end-to-end ones
	@$(SH) fixtures/make/coverage.sh $(notdir $(UNIT_TESTS)) e2e_bad_input e2e_gofer

.PHONY: fuzz-smoke
fuzz-smoke: ## fuzz the codec, the client, the server and the readers, FUZZ_SECONDS (60) each
	@$(SH) fixtures/make/fuzz.sh $(FUZZ_SRC:suite/fuzz/%_fuzz.c=%)

.PHONY: arm64
arm64: ## compile every C file for arm64; nothing of it is run
	@$(SH) fixtures/make/arm64.sh

.PHONY: mutants
mutants: all ## the suite on every seeded defect of refrun, and without each of its own parts
	@$(SH) fixtures/make/mutants.sh $(ARGS)

.PHONY: bench-refrun
bench-refrun: all ## wall time of the default depth on refrun
	@$(SH) fixtures/make/bench-refrun.sh $(ARGS)

.PHONY: bench-harness
bench-harness: all ## wall time of sandboxes through gofercert against bare runs, as a ratio
	@$(SH) fixtures/make/bench-harness.sh $(ARGS)

.PHONY: bench-wire
bench-wire: $(BUILD)/bench-wire ## requests to our server against gVisor's stock gofer (make runtimes)
	@$(BUILD)/bench-wire $(BUILD)/runtimes/gvisor-peer/gvisor-peer $(ARGS)

.PHONY: bench-shim
bench-shim: all ## wall time of a sandbox with something between sentry and gofer, against a bare one
	@$(SH) fixtures/make/bench-shim.sh $(ARGS)

.PHONY: bench-filter
bench-filter: all $(BUILD)/bench-filter ## what judging seccomp costs: all of SEC, and one live filter
	@$(SH) fixtures/make/bench-filter.sh

.PHONY: bench-faults
bench-faults: all ## faulted runs a second over each fake gofer, and faulted sandboxes against bare ones
	@$(SH) fixtures/make/bench-faults.sh

.PHONY: faults
faults: all ## fault every point of every workload: fake gofers, the stock one, sandboxes; ARGS='…'
	@$(SH) fixtures/make/faults.sh $(ARGS)

.PHONY: plans
plans: all ## write fixtures/expected/*.plan anew; read the diff
	@$(SH) fixtures/make/plans.sh

.PHONY: format
format: ## rewrite every .c and .h with clang-format
	@$(SH) fixtures/make/sources.sh | tr '\n' '\0' | xargs -0 -r clang-format -i

.PHONY: lint
lint: ## clang-format, cppcheck, self-contained headers, include directions, shellcheck
	@CHECK_FLAGS="$(LANGUAGE) $(PKG_CFLAGS)" $(SH) fixtures/make/lint.sh

.PHONY: install
install: all ## install under PREFIX (and DESTDIR)
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(libexecdir)/gofercert \
		$(DESTDIR)$(datadir)/gofercert
	$(INSTALL) -m 755 $(BUILD)/gofercert $(DESTDIR)$(bindir)/gofercert
	$(INSTALL) -m 755 $(BUILD)/probe $(BUILD)/refrun $(BUILD)/shim \
		$(DESTDIR)$(libexecdir)/gofercert/
	@for dir in $(wildcard $(INSTALLED_DATA)); do \
		find $$dir -type f | while IFS= read -r file; do \
			$(INSTALL) -D -m 644 "$$file" \
				"$(DESTDIR)$(datadir)/gofercert/$${file#*/}" || exit 1; \
		done || exit 1; \
	done
	$(if $(wildcard $(MAN_PAGE)),$(INSTALL) -D -m 644 $(MAN_PAGE) \
		$(DESTDIR)$(mandir)/man1/$(notdir $(MAN_PAGE)))

INSTALLED_DATA := fixtures/expected fixtures/known fixtures/faults reports/schemas reports/templates
MAN_PAGE := harness/cmd/gofercert.1

.PHONY: clean
clean: ## remove everything built except build/runtimes
	@if [ -d $(BUILD) ]; then \
		find $(BUILD) -mindepth 1 -maxdepth 1 ! -name runtimes -exec rm -rf {} +; \
	fi
	@if [ -d $(BUILD)/runtimes ]; then \
		echo 'clean: kept $(BUILD)/runtimes (make distclean removes it too)'; fi

.PHONY: distclean
distclean: ## remove build/ whole, the runtimes included
	@rm -rf $(BUILD)

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: FORCE
FORCE:

-include $(patsubst %.o,%.d,$(call objects,$(HOSTED_SRC)) $(call static_objects,$(GUEST_SRC)))

# .incbin is not seen by -MMD
$(BUILD)/obj/reports/html_assets.o: $(wildcard reports/html/*)
