require('../speaks').define('fr', 'bonjour');
