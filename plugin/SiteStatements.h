//===- SiteStatements.h - Statements marked as sites ------------*- C++ -*-===//
//
// [[hwckpt::site]] on statements and "#pragma hwckpt site": a loop has a site
// in each of its iterations, any other statement one in front of it.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_SITESTATEMENTS_H
#define HWCKPT_PLUGIN_SITESTATEMENTS_H

#include <memory>

namespace clang {
class ASTConsumer;
class Attr;
class AttributeCommonInfo;
class CompilerInstance;
class ASTContext;
class Preprocessor;
} // namespace clang

namespace hwckpt {

/// What an attributed statement carries. Says that there is work to do for the
/// consumer as well.
clang::Attr *createStatementSite(clang::ASTContext &Context,
                                 const clang::AttributeCommonInfo &Info);

/// The same, where Clang itself makes the attribute.
void expectStatementSites();

/// Gives marked statements their sites, before code generation sees them.
std::unique_ptr<clang::ASTConsumer>
createSiteStatementConsumer(clang::CompilerInstance &CI);

/// Makes \p PP know "#pragma hwckpt site".
void addSitePragma(clang::Preprocessor &PP);

/// The attribute that the pragma puts in front of a statement, as written and
/// with the underscores of its GNU spelling taken off.
inline constexpr char PragmaAttribute[] = "hwckpt_pragma_site";

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_SITESTATEMENTS_H
