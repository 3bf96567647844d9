exports.picked = 'node require';
