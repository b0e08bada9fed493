//! Leaks that people report again and again, as rows of data: how to recognise one, and what to do.
//!
//! A row only adds words to a suspect that was found without it. It never changes a verdict, a rank or a
//! culprit, so with the rows left out (`--no-matchers`) all numbers and places stay the same.

use serde::{Deserialize, Serialize};

/// What is known of a suspect when it is held against the rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clues<'a> {
    /// Files that the culprit names: owner, statement, the application's frames.
    pub files: &'a [&'a str],
    /// Texts of the statements, and names of the owner.
    pub texts: &'a [&'a str],
    /// The class of what accumulates.
    pub class: &'a str,
    /// The kind of collection, as it is printed.
    pub kind: &'a str,
}

/// A known case that fits a suspect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownCase {
    /// A name for scripts.
    pub id: String,
    /// What it is, in a sentence.
    pub title: String,
    /// What to do about it.
    pub advice: String,
}

/// One row. All parts that are given have to fit; of each list, one.
struct Row {
    id: &'static str,
    /// Packages (folders below `node_modules`) or modules of Node (`node:...`) that one of the files is in.
    packages: &'static [&'static str],
    /// Pieces of the statements or of the owner's name.
    texts: &'static [&'static str],
    classes: &'static [&'static str],
    kinds: &'static [&'static str],
    title: &'static str,
    advice: &'static str,
}

const ANY: Row = Row { id: "", packages: &[], texts: &[], classes: &[], kinds: &[], title: "", advice: "" };

const ROWS: &[Row] = &[
    Row {
        id: "express-session-memory-store",
        packages: &["express-session"],
        texts: &["sessions", "MemoryStore"],
        title: "express-session keeps every session in its default MemoryStore, which never lets go of one",
        advice: "give session() a store made for production (connect-redis, connect-pg-simple, memorystore with \
                 checkPeriod), set cookie.maxAge, and saveUninitialized: false so that visitors without a login \
                 get no session",
        ..ANY
    },
    Row {
        id: "winston-logger-per-request",
        packages: &["winston", "winston-transport", "logform"],
        title: "a winston logger is made again and again, and its transports keep listeners for each",
        advice: "make one logger for the whole program and derive from it with logger.child({...}), which adds no \
                 listeners; if loggers must come and go, close() them",
        ..ANY
    },
    Row {
        id: "winston-logger-per-request",
        texts: &["createLogger("],
        kinds: &["event listeners"],
        title: "loggers are made again and again, and a shared transport keeps listeners for each",
        advice: "make one logger for the whole program and derive from it with logger.child({...})",
        ..ANY
    },
    Row {
        id: "ajv-compile-per-request",
        packages: &["ajv"],
        title: "ajv keeps every schema that it has compiled, by the identity of the schema object",
        advice: "compile each schema once at start (const check = ajv.compile(schema)) and call check(data); a schema \
                 that is parsed anew for each request is a new key each time",
        ..ANY
    },
    Row {
        id: "agent-per-request",
        texts: &["new http.Agent", "new https.Agent", "new Agent(", "axios.create("],
        classes: &["TCP", "TLSWrap", "Socket", "TLSSocket", "Agent"],
        title: "an HTTP agent with keep-alive is made for each request, and each keeps its idle socket open",
        advice: "make one agent for the whole program and pass it to every request, or call agent.destroy()",
        ..ANY
    },
    Row {
        id: "connection-pool-per-request",
        packages: &[
            "pg",
            "pg-pool",
            "mysql2",
            "mysql",
            "mongodb",
            "mongoose",
            "ioredis",
            "redis",
            "knex",
            "sequelize",
            "typeorm",
            "@prisma",
            "tedious",
            "amqplib",
            "kafkajs",
        ],
        kinds: &["native handles", "event listeners", "array", "Map", "Set"],
        title: "connections of a database or broker client pile up",
        advice: "make one client or pool for the whole program; give back what pool.connect() handed out in a finally \
                 block, and close clients that were made for one task",
        ..ANY
    },
    Row {
        id: "prom-client-labels",
        packages: &["prom-client"],
        title: "prom-client keeps a time series for each combination of label values",
        advice: "use labels with few values: the route's pattern (/users/:id), never the path, an id or a message",
        ..ANY
    },
    Row {
        id: "opentelemetry-cardinality",
        packages: &["@opentelemetry"],
        title: "OpenTelemetry keeps state for each combination of attributes, or spans that were never ended",
        advice: "end every span in a finally block, keep attribute values few, and check that the exporter keeps up",
        ..ANY
    },
    Row {
        id: "dataloader-shared",
        packages: &["dataloader"],
        title: "a DataLoader keeps every value it has loaded",
        advice: "make a DataLoader for each request, or give it a bounded cacheMap",
        ..ANY
    },
    Row {
        id: "memoize-unbounded",
        packages: &["lodash", "lodash.memoize", "memoizee", "fast-memoize", "micro-memoize", "mem", "ramda"],
        texts: &["memoize", "cache", "__data__", "mem("],
        title: "a memoised function keeps a result for each argument it ever saw",
        advice: "give the memoiser a bound (max, maxAge) or replace its cache by an LRU cache",
        ..ANY
    },
    Row {
        id: "cache-without-bound",
        packages: &["node-cache", "memory-cache", "keyv", "cache-manager", "quick-lru", "lru-cache"],
        title: "a cache holds what accumulates",
        advice: "set its bound (max, maxSize, maxKeys) and a time to live; if it has one, see whether the floor stops \
                 rising when it is full",
        ..ANY
    },
    Row {
        id: "template-cache",
        packages: &["ejs", "pug", "handlebars", "nunjucks", "mustache", "dot", "lodash.template"],
        title: "a template engine keeps every template it has compiled",
        advice: "compile from a fixed set of templates with a stable name, never from text made for one request",
        ..ANY
    },
    Row {
        id: "graphql-document-cache",
        packages: &["@apollo", "graphql", "apollo-server-core", "graphql-jit", "mercurius"],
        title: "a GraphQL server keeps parsed documents or results",
        advice: "send values as variables so that the query text stays the same, and bound the document cache",
        ..ANY
    },
    Row {
        id: "socket-io",
        packages: &["socket.io", "socket.io-adapter", "engine.io", "ws"],
        title: "sockets of clients, or listeners on them, are kept after they have gone",
        advice: "remove what is kept for a client in its 'disconnect' or 'close' handler, and add listeners to the \
                 socket, not to the server, for each connection",
        ..ANY
    },
    Row {
        id: "cls-hooked",
        packages: &["cls-hooked", "continuation-local-storage", "async-hook-jl", "async-listener"],
        title: "a context library keeps contexts of asynchronous work whose end it does not see",
        advice: "move to AsyncLocalStorage (run(), not enterWith())",
        ..ANY
    },
    Row {
        id: "error-trackers",
        packages: &[
            "@sentry",
            "dd-trace",
            "newrelic",
            "elastic-apm-node",
            "applicationinsights",
            "pyroscope",
        ],
        title: "a monitoring agent keeps data of requests",
        advice: "update the agent, look at its sampling and breadcrumb limits, and check whether it leaks without it",
        ..ANY
    },
    Row {
        id: "jsdom-window",
        packages: &["jsdom", "happy-dom"],
        title: "windows of a DOM emulation are kept",
        advice: "call window.close() when the document is no longer needed",
        ..ANY
    },
    Row {
        id: "aws-client-per-request",
        packages: &["@aws-sdk", "aws-sdk", "@smithy", "google-auth-library", "googleapis"],
        title: "clients of a cloud service are made again and again",
        advice: "make one client for the whole program; call destroy() on those that are not shared",
        ..ANY
    },
    Row {
        id: "nodemailer-transport",
        packages: &["nodemailer"],
        title: "mail transports are made again and again, each with its connections",
        advice: "make one transport for the whole program, or close() it after use",
        ..ANY
    },
    Row {
        id: "abort-signal-listeners",
        kinds: &["event listeners"],
        classes: &["Listener", "AbortSignal", "EventTarget", "WeakRef"],
        texts: &["AbortSignal", "signal", "abort"],
        title: "a long-lived AbortSignal keeps a listener for each operation that was given it",
        advice: "make a signal for each request (AbortSignal.any, AbortSignal.timeout), or remove the listener when the \
                 operation ends",
        ..ANY
    },
    Row {
        id: "promise-race",
        kinds: &["reactions of a promise"],
        title: "a promise that stays pending keeps a reaction for every await, then() or Promise.race() on it, and each \
                reaction keeps the result of its race",
        advice: "do not race against a promise that lives as long as the program: use an event or an AbortSignal whose \
                 listener is removed, or a fresh promise for each race",
        ..ANY
    },
    Row {
        id: "sliced-string",
        classes: &["(sliced string)"],
        title: "a short piece of a string keeps the whole string it was cut from",
        advice: "copy the piece before it is kept: Buffer.from(piece).toString(), or structuredClone(piece)",
        ..ANY
    },
    Row {
        id: "timers",
        kinds: &["pending timers"],
        title: "timers are started and never cleared, and each keeps its callback and all that it refers to",
        advice: "keep what setInterval or setTimeout returns and clear it when its reason ends",
        ..ANY
    },
    Row {
        id: "async-local-storage",
        kinds: &["AsyncLocalStorage"],
        title: "values of an AsyncLocalStorage live as long as any asynchronous work that began in their context",
        advice: "start long-lived work (timers, connections, queues) outside of a request's context, with \
                 AsyncLocalStorage.exit() or AsyncResource.bind()",
        ..ANY
    },
    Row {
        id: "require-cache",
        kinds: &["require cache"],
        title: "modules are loaded again under new names, and require keeps each of them",
        advice: "read data with fs and JSON.parse; do not delete from require.cache to load a module again",
        ..ANY
    },
    Row {
        id: "listeners-on-shared-emitter",
        kinds: &["event listeners"],
        title: "listeners are added to an emitter that outlives them, and never removed",
        advice: "use once(), remove the listener when its reason ends, or add it once outside the request; \
                 setMaxListeners(0) only hides the warning",
        ..ANY
    },
];

/// The first row that fits.
#[must_use]
pub fn known_case(clues: &Clues<'_>) -> Option<KnownCase> {
    let row = ROWS.iter().find(|row| row.fits(clues))?;
    Some(KnownCase { id: row.id.to_owned(), title: row.title.to_owned(), advice: row.advice.to_owned() })
}

impl Row {
    fn fits(&self, clues: &Clues<'_>) -> bool {
        let one_of = |wanted: &[&str], fits: &dyn Fn(&str) -> bool| {
            wanted.is_empty() || wanted.iter().any(|one| fits(one))
        };
        one_of(self.packages, &|package| clues.files.iter().any(|file| is_in(file, package)))
            && one_of(self.texts, &|piece| clues.texts.iter().any(|text| text.contains(piece)))
            && one_of(self.classes, &|class| clues.class == class)
            && one_of(self.kinds, &|kind| clues.kind == kind)
    }
}

/// Whether a file is in a package: in its own folder below a `node_modules`, or in a package of its scope.
fn is_in(file: &str, package: &str) -> bool {
    file.replace('\\', "/")
        .rsplit_once("node_modules/")
        .and_then(|(_, inside)| inside.strip_prefix(package))
        .is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_known_by_its_innermost_folder() {
        assert!(is_in("/a/node_modules/ajv/dist/core.js", "ajv"));
        assert!(is_in("node_modules/x/node_modules/@opentelemetry/api/i.js", "@opentelemetry"));
        assert!(!is_in("/a/node_modules/ajv-keywords/x.js", "ajv"));
        assert!(!is_in("/a/node_modules/ajv/node_modules/uri/x.js", "ajv"));
        assert!(!is_in("/home/ajv/server.js", "ajv"));
    }

    #[test]
    fn the_special_row_goes_before_the_general_one() {
        let files = ["/app/node_modules/winston/lib/winston/logger.js"];
        let clues = Clues { files: &files, kind: "event listeners", class: "Function", ..Clues::default() };
        assert_eq!(known_case(&clues).unwrap().id, "winston-logger-per-request");
        let own = ["/app/src/hub.js"];
        assert_eq!(known_case(&Clues { files: &own, ..clues }).unwrap().id, "listeners-on-shared-emitter");
        assert_eq!(known_case(&Clues { files: &own, kind: "Map", ..clues }), None);
    }

    #[test]
    fn rows_say_what_it_is_and_what_to_do() {
        for row in ROWS {
            assert!(!row.id.is_empty() && row.title.len() > 20 && row.advice.len() > 20, "{}", row.id);
            let narrow =
                [row.packages, row.texts, row.classes, row.kinds].iter().any(|list| !list.is_empty());
            assert!(narrow, "{} fits everything", row.id);
        }
    }
}
