class Status {
	kind = 0;
	size = 0;
	isFile() {
		return this.kind === 1;
	}
	isDirectory() {
		return this.kind === 2;
	}
	isSymbolicLink() {
		return this.kind === 3;
	}
}

class File @ "xs_file_destructor" {
	constructor(options) @ "xs_file_constructor";
	close() @ "xs_file_close";
	read(buffer, position) @ "xs_file_read";
	write(buffer, position) @ "xs_file_write";
	setSize(length) @ "xs_file_setSize";
	flush() @ "xs_file_flush";
	length() @ "xs_file_length";
	status() {
		const status = new Status();
		status.kind = 1;
		status.size = this.length();
		return status;
	}
}

class Scan @ "xs_scan_destructor" {
	constructor(path) @ "xs_scan_constructor";
	read() @ "xs_scan_read";
	close() @ "xs_scan_close";
	return() {
		this.close();
		return { done: true, value: undefined };
	}
	next() {
		const value = this.read();
		return { done: value === undefined, value };
	}
	[Symbol.iterator]() {
		return this;
	}
}

export default class Files {
	static get available() @ "xs_files_get_available";
	static free() @ "xs_files_free";
	static use(folder) @ "xs_files_use";
	static delete(path) @ "xs_files_delete";
	static move(from, to) @ "xs_files_move";
	static createDirectory(path) @ "xs_files_createDirectory";
	static look(path, status) @ "xs_files_look";
	static openFile(options) {
		return new File(options);
	}
	static status(path) {
		return Files.look(path, new Status());
	}
	static scan(path) {
		return new Scan(path);
	}
}
