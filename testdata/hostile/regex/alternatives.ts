export default () => /^(a|aa)+$/.test(`${'a'.repeat(60)}!`);
