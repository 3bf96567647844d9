(function (global, factory) {
  typeof exports === 'object' && typeof module !== 'undefined' ? module.exports = factory(require) :
  typeof define === 'function' && define.amd ? define(factory) : global.speaks = factory();
}(this, (function (load) {
  'use strict';
  globalThis.speaksWasMade = (globalThis.speaksWasMade || 0) + 1;
  var languages = { en: 'hello' };
  return {
    define: function (language, text) { languages[language] = text },
    languages: function () { return Object.keys(languages).sort() },
    say: function (language) {
      if (!languages[language]) load('./language/' + language);
      return languages[language];
    },
    made: function () { return globalThis.speaksWasMade },
  };
})));
