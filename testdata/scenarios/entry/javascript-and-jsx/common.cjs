module.exports = () => 'common';
