# The bot in an image: built without the sandbox, runs as nobody, remembers in /data.
FROM rust:1.95-slim-bookworm AS builder
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY src src
# The manifest names these targets, so their files must be there; nothing of them is built.
COPY tests tests
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --locked --release --no-default-features --features jemalloc --bin k8s-monitor \
    && cp target/release/k8s-monitor /k8s-monitor \
    && mkdir /data

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=builder /k8s-monitor /usr/local/bin/k8s-monitor
COPY --from=builder --chown=65532:65532 /data /data
ENV DATABASE_URL=sqlite:/data/k8s-monitor.db HTTP_LISTEN=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
WORKDIR /data
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/k8s-monitor"]
CMD ["run"]
