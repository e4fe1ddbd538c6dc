# weir's tasks; `make` lists them. They need Go, and for the race detector a C compiler; everything else is fetched.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO      ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

# How long `make fuzz` runs each target, and `make bench-go` each benchmark.
FUZZTIME  ?= 60s
BENCHTIME ?= 1s
# What `make bench-go` runs: a regular expression, and packages.
BENCH     ?= .
BENCHPKGS ?= ./pkg/... ./cmd/... ./bench/path
# Further flags for the tables (`make bench-http1`, `make bench-rpc`), such as -rounds 9 -seconds 8.
BENCHFLAGS ?=

LINT := $(GO) tool -modfile=$(CURDIR)/tools/go.mod golangci-lint run --config $(CURDIR)/.golangci.yml

.PHONY: help build test consul interop peers conformance slow lint fuzz bench bench-http1 bench-rpc bench-h2 bench-clusters bench-go profile demo cover clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

build: ## Build bin/weir
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/weir ./cmd/weir

test: ## Run all tests, with and without the race detector
	@GO='$(GO)' tools/test

# Tests of discovery run it. It needs nothing but Go, and about four minutes the first time; Go's build cache keeps its parts.
consul: bin/consul ## Build bin/consul, a Consul agent for the tests, if it is not there

bin/consul: tools/consul/go.mod
	@echo 'building bin/consul: about 4 minutes the first time'
	cd tools/consul && GOWORK=off $(GO) build -mod=readonly -ldflags '-s -w' -o ../../bin/consul github.com/hashicorp/consul
	@touch bin/consul

# Needs a JDK, Maven and Node; what is missing is said, and left out unless CI=true.
interop: ## Run the examples' Java and Node peers through weir
	@GO='$(GO)' tools/interop

# Needs h2load and nghttpd (Debian: nghttp2-client, nghttp2-server) and Python, which gets Envoy. Half a minute.
peers: ## Put nghttp2 and Envoy, before and behind weir, under load
	PATH=$$PATH:/usr/sbin $(GO) test -tags 'interop peers' -v -count=1 -timeout 30m -run '^(TestH2Load|TestEnvoyLoad)$$' ./test/interop

# All of Connect's conformance suite: two minutes. `make interop` runs a part of it.
conformance: ## Run Connect's conformance suite through weir, and without it
	$(GO) test -tags interop -v -count=1 -timeout 30m -parallel 2 -run '^TestConformance$$' ./test/interop -conformance

# The first run builds golangci-lint from source, which takes a minute or two; Go's build cache keeps it.
lint: ## Run go vet and golangci-lint, in examples/grpc too, a module of its own
	$(GO) vet -tags slabdebug,interop,slow ./...
	$(LINT)
	cd examples/grpc && GOWORK=off $(GO) vet ./...
	cd examples/grpc && GOWORK=off $(LINT)

slow: ## Run peers of 30 KB/s through weir for two minutes
	$(GO) vet -tags slow ./test/slow
	$(GO) test -tags slow -count=1 ./test/slow

fuzz: ## Run every fuzz target for FUZZTIME (60s) each
	@GO='$(GO)' FUZZTIME='$(FUZZTIME)' tools/fuzz

bench: bench-go bench-http1 bench-rpc bench-h2 bench-clusters ## Run all benchmarks: Go's own, then the tables

bench-go: ## Run the Go benchmarks, with allocations (BENCH, BENCHPKGS, BENCHTIME)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) $(BENCHPKGS)

bench-http1: build ## Measure weir beside nginx and HAProxy on HTTP/1 (BENCHFLAGS)
	@bench/install-peers
	$(GO) build -o bin/benchhttp1 ./bench/cmd/benchhttp1
	PATH="$$PATH:/usr/sbin" bin/benchhttp1 $(BENCHFLAGS)

bench-rpc: build ## Measure weir beside HAProxy on bolt and Dubbo (BENCHFLAGS)
	@bench/install-peers haproxy
	$(GO) build -o bin/benchrpc ./bench/cmd/benchrpc
	PATH="$$PATH:/usr/sbin" bin/benchrpc $(BENCHFLAGS)

bench-h2: build ## Measure weir beside nghttpx and HAProxy on HTTP/2 and gRPC (BENCHFLAGS)
	@bench/install-peers h2load nghttpd nghttpx haproxy nginx
	$(GO) build -o bin/benchh2 ./bench/cmd/benchh2
	PATH="$$PATH:/usr/sbin" bin/benchh2 $(BENCHFLAGS)

bench-clusters: build bin/consul ## Measure what fails while hosts change and fail, and what 100,000 cost (BENCHFLAGS)
	$(GO) build -o bin/benchclusters ./bench/cmd/benchclusters
	bin/benchclusters $(BENCHFLAGS)

# The compiler inlines what the profile says is hot, in every build of weir. It is made anew when the request path has changed much.
profile: ## Make cmd/weir/default.pgo, the profile that weir is built with
	$(GO) test -run '^$$' -bench . -benchtime 3s -cpuprofile cmd/weir/default.pgo -o bin/path.test ./bench/path
	rm bin/path.test

demo: build ## Run a proxy with backends of its own to try out (DEMO_FOR)
	bin/weir demo

cover: ## Measure the tests' coverage; bin/cover.html shows it line by line
	@mkdir -p bin
	$(GO) test -coverprofile=bin/cover.out ./...
	$(GO) tool cover -html=bin/cover.out -o bin/cover.html
	@$(GO) tool cover -func=bin/cover.out | tail -n 1

clean: ## Remove what the other targets made
	rm -rf bin
