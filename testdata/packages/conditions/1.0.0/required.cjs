module.exports = 'only by require';
