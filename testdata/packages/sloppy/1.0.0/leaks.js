for (counter = 0; counter < 3; counter++);
var copy = {};
({ leaked: copy.x, other = 2 } = { leaked: 1 });
exports.counter = counter;
exports.isGlobal = globalThis.counter === 3 && globalThis.other === 2;
