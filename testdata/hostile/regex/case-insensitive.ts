export default () => /^(?:\w+\s?)+$/iu.test(`${'word '.repeat(20)}\u{1f600}`);
