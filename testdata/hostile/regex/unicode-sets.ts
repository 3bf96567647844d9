export default () => /^([\p{L}--[a-z]]|[\p{L}])+$/v.test(`${'\u00e9'.repeat(40)}!`);
