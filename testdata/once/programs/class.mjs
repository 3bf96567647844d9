export default class Entry {}
