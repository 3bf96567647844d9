throw Object.assign(new RangeError('broken on purpose'), { code: 'BROKEN' });
