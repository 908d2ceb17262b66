export default class WSBytes {
	static sha1(bytes) @ "xs_wsbytes_sha1";
	static mask(frame, payload, length) @ "xs_wsbytes_mask";
	static utf8(state, bytes, length) @ "xs_wsbytes_utf8";
}
