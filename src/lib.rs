//! A bot that watches Kubernetes clusters, posts one clear alert in Slack when something that matters breaks, and answers there.
//!
//! This page is the map of the code. Every file opens with one sentence: what goes in, what comes out.
//!
//! # The flow
//!
//! ```text
//!  Kubernetes ──watch──▶ cluster ───▶ findings ───▶ incidents ───▶ alerts ──outbox──▶ Slack
//!   (or a dump)          what is      what is       which are      who hears,           │
//!                        there        wrong now     one problem,   once, where          │
//!                                                   how bad                             ▼
//!                                                      ▲                         conversation ◀── commands,
//!                                                   services                     what people       buttons,
//!                                                   who matters                  say, answers      threads
//!                                                   (P0..P3)
//! ```
//!
//! Everything that can happen to a cluster is an [`event::Event`]; [`process`] handles them one at a time, and what becomes due by time in
//! between. What it decides is stored together with the rows that say it, and a sender says them.
//!
//! # The modules, in the order of the flow
//!
//! | module | |
//! |---|---|
//! | [`clients`] | the only code that opens sockets to others: Kubernetes (own list and watch loop), Slack's Web API, its sockets, GitHub, who is called by HTTP |
//! | [`cluster`] | what Kubernetes says: slim facts, an index with `apply` and `delete`, what can be seen, what happened before |
//! | [`findings`] | what is wrong right now: one file for each check, which is also its documentation |
//! | [`services`] | who matters: lists, the catalogue of services, annotations, what every K3s has; the roles of cluster DNS, ingress, nodes |
//! | [`incidents`] | which findings are one problem, since when, how bad: one step of one owner's incident |
//! | [`changes`] | what was changed just before: rollouts and how two pod templates differ, what GitHub tells, and how well that explains what is wrong |
//! | [`alerts`] | what must be said of a change, its texts, and the sender of the outbox |
//! | [`conversation`] | what people say and what is answered: one file for each `/k8s` word, questions in threads, the gate |
//! | [`store`] | the only code that knows SQL: incidents, silences, outbox, inbox, leases, cycles, history; backups |
//! | [`process`] | the loop: one event in, one handler |
//! | [`event`], [`schedule`] | what can happen; when a monitoring pass is due |
//! | [`app`] | the running bot's parts, how they start and stop |
//! | [`config`] | every key explained in `default.toml`; the only reader of the environment |
//! | [`http`], [`telemetry`], [`clock`] | `/healthz`, `/readyz`, `/metrics`; logs and metrics; the present, which tests move by hand |
//! | [`report`], [`cli`] | what `check` prints; the subcommands |
//! | `sandbox` | a pretend Slack workspace and cluster that speak the real protocols, for `demo` and the tests (feature `sandbox`) |
//!
//! # The words
//!
//! | word | means |
//! |---|---|
//! | [`cluster::Fact`] | the few fields of one Kubernetes object that a rule or a message needs |
//! | [`cluster::ClusterIndex`] | all facts of one cluster; knows owner chains, pods of an owner, Services hit by it |
//! | [`cluster::Sight`] | what can be seen, per kind: seen, blind (since when, why), not applicable |
//! | [`cluster::History`] | the last transitions of each owner: restarts, lost endpoints, failed runs |
//! | [`findings::Check`] | one rule; says a [`findings::Verdict`] of an owner: wrong, pending, healthy, not wanted, unknown, symptom |
//! | [`findings::Settings`] | the numbers each check declares, as they are set; what is switched off, and what is to be left alone |
//! | [`findings::Finding`] | something that is wrong: owner, objects, reason, since, who is hit, evidence |
//! | [`services::Service`] | an entry of the catalogue: priority, what it needs, how long it may be down, what is known of it |
//! | [`incidents::Incident`] | one problem: at most one open for each cluster and top owner; its findings are keyed by their class |
//! | [`incidents::causes`] | what explains whom: a node, a registry or cluster DNS that is down is one incident that names its hits |
//! | [`incidents::digest`] | many problems in one message: what was there before the bot, and a storm |
//! | [`incidents::Severity`] | SEV-1 to SEV-4, from who is hit and how much the service matters, by one table |
//! | [`incidents::Policy`] | that table, as it is compiled in and set row by row; [`incidents::explain`] tells which row decided |
//! | [`services::Stake`] | what is at stake with an owner: priority and who says so, role, who needs it, what is known of it |
//! | [`changes::Difference`] | one difference of two pod templates, in words; what it [`changes::Touches`] is what it could explain |
//! | [`changes::gitops::Source`] | where Argo CD, Flux or K3s's Helm keeps a workload from: repository, path, and what was applied when |
//! | [`changes::Actor`] | who changed an object, as its own metadata says: a tool, and the application or release it keeps |
//! | [`alerts::Outgoing`] | something to be sent, as a row of the outbox |
//! | [`conversation::Standing`] | how things stand at one moment: the value every answer is made from |
//! | asker, action, scope | who wants to do what, on what: every command, button and question passes `conversation::permissions::may` |
//!
//! # Invariants
//!
//! As they hold in this code; what is not there yet is said.
//!
//! 1. `cluster`, `findings`, `services`, `incidents`, `changes`, `alerts::from_incidents`, the texts of `alerts::message` and all of
//!    `conversation` are pure: values in, values out, `now` is an argument, no async. (Loading a dump reads files.) A stage imports
//!    only what comes before it in the flow, with two exceptions: the checks of Jobs read a cron line by `schedule`, and what is to
//!    be left alone is named by the patterns of `services`.
//! 2. `clients` and `store` import the types of the stages, never the reverse; `event` carries what the clients return. `&App` is
//!    taken by `process` and `alerts::outbox` only.
//! 3. Timers, watches and Slack only send events. A Slack envelope is an inbox row with a unique id before it is acknowledged. A
//!    transition of an incident is one transaction: the row is read, the pure step made, and both the new state and its outbox rows
//!    written if version and fencing number still hold. What is read afresh is read in tasks of their own and comes back as events.
//!    *Not yet*: agents.
//! 4. At least once everywhere, seen once by people: outbox row, call to Slack, marked as sent. A message's metadata carries the id
//!    of its row; where it is not known whether Slack took it, the channel is searched before it is posted again. One process holds
//!    the lease to send, one the lease of each cluster, on the database's clock; on PostgreSQL several processes share them, store what
//!    comes from Slack, and follow one that is gone within 15 s. What one that slept posted twice it deletes, what it edited late is
//!    edited again by who sends.
//! 5. Blindness is a state of a (kind, namespace). Forbidden, time-out and a stale watch are [`findings::Verdict::Unknown`]: never
//!    "missing", never "healthy". Incidents whose checks read it there freeze, others go on; what is seen again within 90 s was never
//!    told. A required kind lost beyond its grace is an alert; an optional one is a line in the status, and so are nodes and namespaces where only some namespaces are watched; an API
//!    group the cluster does not have is not applicable.
//! 6. An incident is resolved only by `Healthy` or `NotWanted`, held for its hold time, with the reason in words; never by silence.
//!    A failed Job ends by a later success, its deletion, or after 24 h. It reopens in the same thread if it comes back within a day.
//! 7. No model is asked anywhere. *To keep when one is*: its output never enters a fingerprint, never opens or closes an incident,
//!    never lowers a severity.
//! 8. Nothing is written to a cluster: the client has no verb but `get`, and the tests fail on anything else.
//! 9. Text for people is made in `alerts::message`, `conversation` and (for the terminal) `report`. Text from the cluster and from people is
//!    redacted and capped before it is stored, and made harmless for Slack by `alerts::blocks` alone.
//! 10. Secrets are `SecretString`, read in `config`, exposed where a client needs them. Kubernetes Secrets are never read; the
//!     bot's role names neither `secrets` nor `nodes/proxy`.
//! 11. SQLite and PostgreSQL from the first migration: one SQL text (but for the expression of the database's clock), one suite,
//!     both in `.ci/run`.
//!
//! # ARCHITECTURE: decisions that are not obvious
//!
//! - **sqlx's `AnyPool`, one SQL text.** Times are milliseconds in `BIGINT`, bodies JSON in `TEXT`, numbers come from a table of
//!   counters: then nothing has to be written twice, and no query is checked at compile time. The suite runs on both databases.
//! - **Everything that leaves goes through the outbox**, answers to commands as well: an answer and the settled envelope are one
//!   transaction, so a crash between them neither loses nor doubles it. The price is a row for every answer.
//! - **Own list and watch loop** over `kube`'s client instead of its watcher: protobuf, lists as streams or in pages, bookmarks, and
//!   the time of the last frame, without which staleness cannot be told from silence.
//! - **What is decoded is not what is kept.** Both decoders fill the same plain structs; of these the index keeps short strings in
//!   place, long ones counted, and what neighbours have in common (labels, containers, the words of conditions) once for all. Old
//!   `ReplicaSet`s that run nothing are a name, an owner and a number. Annotations of others are dropped, and events that say that all
//!   goes well; each object is trimmed before the next is decoded, which leaves no holes.
//! - **Small code is as fast here**, and what is mapped of the program is memory: the release build is made for size (5 MiB less of
//!   it resident than for speed, and the rules take no longer). Two threads for the runtime, a small cache for each connection to
//!   SQLite, and one heap for all threads for the same reason.
//! - **A heap that keeps its shape.** Objects that are replaced all day leave holes, and with the allocator of glibc 10,000 pods grew by
//!   half a megabyte a minute although no more was held. jemalloc keeps equal sizes together: it stays as it is, and begins 3 MiB
//!   lower (`.cargo/config.toml`).
//! - **Usage is measured, not watched.** The metrics API is asked each minute, kubelets each five, beside the API server and only if
//!   `nodes/stats` is granted; only what is near its limit is kept, until it is measured to have room or is gone; what was not measured
//!   for 15 min is unknown.
//! - **An owner is looked at once.** What many checks ask of it (its pods, whether anybody wants it) is found out by the first.
//! - **`check` reads as `run` does**: the first list of each watch, all kinds at once; it ends when each has told it or its failure.
//! - **A list replaces by mark and sweep.** It comes in pieces of at most 500 objects, each taken into the index at once; what it did
//!   not name by its end is deleted, and a list that is not finished deletes nothing. Whom it touched is judged at its end.
//! - **A pass reads versions, not objects**, and only holds them against the index. What a watch had to have told and has not is a bug:
//!   logged as one, counted, and mended by a fresh list of that watch. Nobody else is told.
//! - **A dump is an excerpt.** That an object is not in it proves nothing where nothing of its kind is in it: what names that object
//!   is then unknown, not wrong. In a cluster that is watched, what is not listed is not there.
//! - **Since when something is missing** no object says. That a Service or a class went away, or that an Ingress names another one, is a
//!   transition of the history of what names it; so its waiting time survives a restart.
//! - **A failed run of a `CronJob` is a transition of the history.** Kubernetes keeps one failed Job by default, so two failures in a
//!   row cannot be seen in the objects; after a restart the schedule and the last success tell.
//! - **Lines of a log come after the alert.** The facts are posted first; the last lines of the log of the container that is at fault
//!   are read meanwhile, stored with the incident, and shown by one edit. They are untrusted evidence: no headline, severity or
//!   identity depends on them. They are read again if it gets worse or shows at another container, never more than once in five
//!   minutes for the latter.
//! - **Templates are read when they are needed**, not watched: a Deployment keeps ten of them, and 10,000 old ReplicaSets would be most of what is
//!   held. While a first post waits for its company, and when another version is in force, the workload and its versions are read with
//!   two requests; so what was changed is in the first post, and nothing waits for it. What was found is a plain value of the
//!   incident ([`incidents::Changed`]): the stage that finds it comes after the one that keeps it.
//! - **What else may explain trouble is read when it changes.** Of `ConfigMap`s, policies and budgets only metadata is watched, and their facts
//!   are a name and a version (250 bytes each): data that nobody may know is not even asked for. When the version is another one, and of a
//!   `ConfigMap` only if a pod names it, the object is read, reduced to names and words (of a `ConfigMap` to a keyed hash for each key) and
//!   compared with the reading before, which is in the store. So a restart costs no request for what is as it was, and tells what changed
//!   meanwhile. Nothing waits for these watches: without their rights changes are not seen, and that is all. Eight bytes of HMAC-SHA-256 are
//!   kept: that two values of a key are taken for the same has one chance in 2^64, and fewer bytes tell less of a value. The key of the
//!   hash is in the same database: it keeps hashes from being looked up, not from being tried out by whoever has the database.
//! - **Two that fit at once are neither sure.** If a rollout and a setting came together and everything speaks for both, both are MEDIUM, unless
//!   what is wrong names just the key that is gone.
//! - **What broke together is no rollout's fault for sure.** Others that broke within three minutes without a rollout of their own speak against
//!   it: then it is not HIGH, whatever else speaks for it.
//! - **A symptom is no incident.** What a cause explains is a hit of the cause's incident, with its own outage and severity, and
//!   lifts it. Only what was told before its cause was found is an incident with a `parent`. A cause explains as soon as it is
//!   pending, and lets go after the symptom's own grace anew, so that what heals with it is never told.
//! - **A digest is an incident.** So it has a message that is edited, a thread, a name to acknowledge, and it survives a restart;
//!   its members are incidents whose parent it is. The first look at a cluster and a storm are the same mechanism.
//! - **A check is asked again by time where the trouble is that nothing happens** (`Check::looks_again`): a `CronJob` that is not run
//!   and a pod that does not go send no news. Until then they are healthy, not pending: everything takes its time to go.
//! - **What is switched off or ignored is `NotWanted`**, not skipped: an open incident then ends, with that reason in words.
//! - **Missing ReplicaSets make a Deployment unknown**, not its pods: they are then judged under the ReplicaSet they name.
//! - **What people wrote wins over what is built in.** A line `kube-system/*` sets the priority of CoreDNS as well; its role, from
//!   which SEV-1 follows, stays.
//! - **Half of a configuration is a mistake, none of it is a wish.** Without any of Slack's settings the bot prints its alerts; with
//!   a part of them it does not start. Without an app-level token it posts, as the prototype did, and people can only read.
//! - **The clock is a parameter** that tests and `demo` move by hand; nothing sleeps by itself.
//! - **Severity is a table, the rest is words.** What is the matter gives the row, how much it matters the column; everything else
//!   (whom it hits, what is hit at once, what keeps coming back) only lifts what the table says, each step a value that can be told. The
//!   words name the threshold that decided, not the time gone: they are shown, and must not change by the minute.
//! - **A change runs where it is broken** if the pods that are hit are of its version, or of a later one that kept what it changed; not if
//!   pods of an older version are hit as well. Only then it may be HIGH; others that broke at the same time make it less sure, not none:
//!   they may have broken because of it. How the score answers is a table of stories (`src/changes/stories`).
//! - **A loop for each cluster** ([`app::Site`]), so that one that is slow or away holds up no other; what they share (store, Slack, sender) is
//!   behind it ([`app::App`]). With one cluster everything that is said goes to its loop. With several the process that sends decides whose
//!   it is, from what is named; what is another process's it leaves in the inbox under the cluster's name, and how that cluster stands it
//!   reads from the store, where the other writes it every 5 s.
//! - **A cluster is not moved while it is watched**: a replica takes what is free, up to its share; moving one would be a gap of seconds
//!   without any need.
//! - **What was told is part of the incident** ([`incidents::Telling`]): when aloud, who was announced as hit, who was called. So what is
//!   told next is a function of the incident and the time, written in the same transaction as the rows that say it, and a restart repeats
//!   nothing.
//! - **Of the P0 services that are hit at once each remembers four others**, those that are hit for longest: where hundreds break, each
//!   would otherwise change with every other.
//! - **What waits is thinned where it is written.** A message that is not posted yet says everything by itself, so nothing is said below
//!   it; of the replies that wait for long the newest takes the place of the others. After an hour without Slack people read how things are.
//! - **Warnings are a message, not an incident**: SEV-3 can wait, is told once, and is not kept up to date; a digest that is edited all
//!   day would be an incident about incidents that nobody was called for.
//! - **Who is called by HTTP may be called twice**: an answer that was lost on its way back is no answer. The call carries the same name
//!   each time, which is the same event for `PagerDuty`; a webhook can tell by the header `idempotency-key`.
//! - **Closed by hand is a claim**: it is believed for five minutes, then what is seen counts again, in the same thread.
//! - **GitHub is asked through `octocrab`, by questions of our own.** Its typed calls tell neither what an answer says of the limits nor
//!   whether it was a 304, and its cache keeps answers that were cut off. What is kept of an answer is what was read of it: redacted, and about a
//!   tenth of its size.
//! - **Not among the dependencies**: `minijinja`, texts are functions. The prompts in `agents/` are there already and read by nobody.

pub mod alerts;
pub mod app;
pub mod changes;
pub mod cli;
pub mod clients;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod conversation;
pub mod event;
pub mod findings;
pub mod http;
pub mod incidents;
pub mod process;
pub mod report;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod schedule;
pub mod services;
pub mod store;
pub mod telemetry;
