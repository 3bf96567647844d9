'use strict';
exports.name = 'strict';
exports.same = function () { return require('./index').helper };
