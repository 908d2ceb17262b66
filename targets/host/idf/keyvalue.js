class Storage @ "xs_keyvalue_destructor" {
	constructor(options) @ "xs_keyvalue";
	close() @ "xs_keyvalue_close";
	read(key, buffer) @ "xs_keyvalue_read";
	write(key, value) @ "xs_keyvalue_write";
	delete(key) @ "xs_keyvalue_delete";
	get format() @ "xs_keyvalue_get_format";
	set format(value) @ "xs_keyvalue_set_format";
	*[Symbol.iterator]() {
		yield* keys.call(this);
	}
}

function keys() @ "xs_keyvalue_keys";

export default Object.freeze({
	open(options) {
		return new Storage(options);
	}
});
