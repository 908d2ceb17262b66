class Buffer @ "xs_tlsbuffer_destructor" {
	constructor(direction) @ "xs_tlsbuffer";
	close() @ "xs_tlsbuffer_close";
	get size() @ "xs_tlsbuffer_get_size";
}

class Trust @ "xs_tlstrust_destructor" {
	constructor() @ "xs_tlstrust";
	parse(pem) @ "xs_tlstrust_parse";
	get count() @ "xs_tlstrust_get_count";
	get skipped() @ "xs_tlstrust_get_skipped";
	close() @ "xs_tlstrust_close";
}

class Identity @ "xs_tlsidentity_destructor" {
	constructor() @ "xs_tlsidentity";
	parse(certificate, key) @ "xs_tlsidentity_parse";
	close() @ "xs_tlsidentity_close";
}

class Engine @ "xs_tlsengine_destructor" {
	constructor(options) @ "xs_tlsengine";
	close() @ "xs_tlsengine_close";
	fill(count) @ "xs_tlsengine_fill";
	get pending() @ "xs_tlsengine_get_pending";
	sent(count) @ "xs_tlsengine_sent";
	step() @ "xs_tlsengine_step";
	peek() @ "xs_tlsengine_peek";
	read(buffer) @ "xs_tlsengine_read";
	get writable() @ "xs_tlsengine_get_writable";
	write(buffer) @ "xs_tlsengine_write";
	end() @ "xs_tlsengine_end";
	session() @ "xs_tlsengine_session";
	failure() @ "xs_tlsengine_failure";
	get resumed() @ "xs_tlsengine_get_resumed";
	get protocol() @ "xs_tlsengine_get_protocol";
	get cipherSuite() @ "xs_tlsengine_get_cipherSuite";
}

export { Buffer, Engine, Identity, Trust };
