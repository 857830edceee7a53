# fake: x
CC ?= gcc
FLAGS := -O2 \
  more: x
.PHONY: all
all: build
	echo fake: x
build/%.o: src/%.c
define template
endef
