import Handlebars from 'npm:handlebars@4.7.8';
import { marked } from 'npm:marked@15.0.6';
import { parse, stringify } from 'npm:yaml@2.7.0';

export default () => {
  Handlebars.registerHelper('loud', (text: string) => text.toUpperCase());
  const page = parse('title: Notes\nitems:\n  - one\n  - &two two\n  - *two\n');
  const text = Handlebars.compile('# {{loud title}}\n\n{{#each items}}- {{this}}\n{{/each}}')(page);
  return { html: marked.parse(text), yaml: stringify({ a: [1, { b: 'x: y' }] }) };
};
