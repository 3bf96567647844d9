(function (root, factory) { factory(require('speaks')) })(this, function (speaks) { speaks.define('de', 'hallo') });
