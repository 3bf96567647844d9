module.exports = 'server';
