# What OpenWrt's package.mk and package-pack.mk do with a package's definitions, as far as they can be wrong: fields are evaluated, texts are
# exported through the environment of the shell, files are put into a folder. Result: $(OUT)/NAME/{root,depends,conffiles,postinst,prerm}.
define BuildPackage
  DEPENDS:=
  TITLE:=
  PKGARCH:=
  $(eval $(Package/$(1)))
  DEPENDS_$(1) := $$(DEPENDS)
  $(foreach text,conffiles postinst prerm description,
  text_$(subst -,_,$(1))_$(text) = $$(call Package/$(1)/$(text))
  export text_$(subst -,_,$(1))_$(text))
  all: pack-$(1)
  pack-$(1):
	mkdir -p $(OUT)/$(1)/root
	echo '$(TITLE)|$(PKGARCH)|$(DEPENDS)' >$(OUT)/$(1)/fields
	$(foreach text,conffiles postinst prerm description,echo "$$$$text_$(subst -,_,$(1))_$(text)" >$(OUT)/$(1)/$(text); )
	$(call Package/$(1)/install,$(OUT)/$(1)/root)
endef
