// Prints what every direct dependency is good for, which takes most of the packages below it.
const express = require('express');
const { codeFrameColumns } = require('@babel/code-frame');
const { createElement } = require('react');
const { renderToString } = require('react-dom/server');
console.log(JSON.stringify([
  typeof express().get,
  codeFrameColumns('a b', { start: { line: 1, column: 3 } }).includes('^'),
  typeof require('chokidar').watch,
  new (require('commander').Command)('x').name(),
  require('dayjs')('2020-01-02').format('YYYY'),
  require('lodash').chunk([1, 2, 3], 2).length,
  require('minimatch').minimatch('a/b.js', '**/*.js'),
  renderToString(createElement('b', null, 'hi')),
  require('renamed')('2 days'),
  require('semver').satisfies('1.2.3', '^1.0.0'),
  require('zod').z.string().safeParse('x').success,
]));
