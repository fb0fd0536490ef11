# Included by the Makefile of the checkout: packages for both systems, in dist/.
PACKED := dist/nethsec-linux-x64-musl.xz dist/nethsec-linux-arm64-musl.xz

FOREIGN := dist/nethsec-linux-x64-musl dist/nethsec-linux-arm64-musl dist/nethsec-linux-arm64

$(filter-out $(OUT),$(FOREIGN)): dist/nethsec-%: $(SOURCES) package-lock.json
	@$(MAKE) --no-print-directory build TARGET=$*

$(PACKED): %.xz: %
	@packaging/pack-executable $<

packed: $(PACKED) ## executables for OpenWrt, packed, as packaging/openwrt/Makefile takes them

ipk: build $(PACKED) ## OpenWrt packages in dist/ipk
	@packaging/build-ipk dist/ipk x86_64 dist/nethsec-linux-x64-musl.xz \
		$(foreach architecture,aarch64_generic aarch64_cortex-a53 aarch64_cortex-a72,$(architecture) dist/nethsec-linux-arm64-musl.xz)

deb: build dist/nethsec-linux-arm64 ## Debian packages in dist/deb
	@packaging/build-deb dist/deb amd64 dist/nethsec arm64 dist/nethsec-linux-arm64

packages: ipk deb ## all packages

.PHONY: packed ipk deb packages
