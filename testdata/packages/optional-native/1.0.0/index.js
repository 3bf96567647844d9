let binding;
try {
  binding = require('optional-native-linux');
} catch {
  binding = { speed: 'plain JavaScript' };
}
exports.speed = binding.speed;
