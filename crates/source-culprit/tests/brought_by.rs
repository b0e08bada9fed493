//! What only native handles hold: whoever makes what came with it, again and again, is the application's part.

mod support;

use source_culprit::{CollectionKind, Script, locate};
use support::{Program, evidence};

const PRICES: &str = "'use strict';
const http = require('node:http');
const axios = require('axios');
const shared = new http.Agent({ keepAlive: true });

function client(baseURL) {
  return axios.create({ baseURL, httpAgent: new http.Agent({ keepAlive: true }) });
}
exports.priceOf = (url) => client(url).get('/');
exports.shared = shared;
";
const NET: &str = "function Socket(options) {
  this[kHandle] = options.handle;
}
";

#[test]
fn what_came_with_a_handle_is_looked_for_where_it_is_made_per_call() {
    let mut program = Program::new(&[("prices.js", PRICES)]);
    program.scripts.push(Script { url: "node:net".into(), text: NET.into(), source_map: None });
    let chain = vec![program.field("<symbol kHandle>", "Socket", Some((2, "function Socket")))];
    let mut evidence = evidence(CollectionKind::Instance, chain);
    evidence.class_name = "TCP".to_owned();
    let without = locate(&evidence, &program);
    assert!(without.app_owner.is_none(), "{without:?}");

    evidence.growing.brought_by = ["Socket", "Object", "Agent"].map(str::to_owned).to_vec();
    let found = locate(&evidence, &program);
    let place = found.app_owner.unwrap();
    assert_eq!((place.file.as_str(), place.line), ("/srv/app/prices.js", 7), "{place:?}");

    // Made once, when the file is loaded, it does not come again.
    program.scripts[0].text = PRICES.replace("new http.Agent({ keepAlive: true }) })", "shared })");
    assert!(locate(&evidence, &program).app_owner.is_none());
}
