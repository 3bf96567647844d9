module.exports = 'client';
