module.exports = [typeof module.parent, module.parent && module.parent.exports !== undefined, this === exports];
