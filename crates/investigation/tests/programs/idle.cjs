'use strict';
// Listens on nothing and works a little.
const kept = [];
setInterval(() => { kept.push({ at: Date.now() }); if (kept.length > 100) kept.length = 0; }, 5);
console.log('port 1');
