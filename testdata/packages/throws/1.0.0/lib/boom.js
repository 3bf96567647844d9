'use strict';

exports.boom = function boom(reason) {
  throw new TypeError(`boom: ${reason}`);
};
