//! The help pages as a web shop has them: the article in the middle of navigation, scripts and boilerplate.

use std::path::Path;

use super::SampleError;
use super::files::CountedFile;
use super::help::{self, Article};
use super::intents::INTENTS;
use super::people::Language;
use super::truth::{FileTruth, Truth};

/// The words around an article.
struct Frame {
    shop: &'static str,
    home: &'static str,
    steps: &'static str,
    related: &'static str,
    cookies: &'static str,
    footer: &'static str,
}

const FRAME_EN: Frame = Frame {
    shop: "Larkspur Shop",
    home: "Help centre",
    steps: "What to do",
    related: "Related topics",
    cookies: "We use cookies to remember your basket. Accept all | Only necessary",
    footer: "Larkspur Shop, 1 Larkspur Lane. Terms | Privacy | Newsletter. Was this page helpful? Yes | No",
};
const FRAME_ZH: Frame = Frame {
    shop: "云杉小店",
    home: "帮助中心",
    steps: "怎么办",
    related: "相关问题",
    cookies: "本站使用 Cookie 记住购物车。全部接受 | 仅必要",
    footer: "云杉小店，云杉路1号。条款 | 隐私 | 订阅。这页有帮助吗？有 | 没有",
};

/// Writes `raw/pages/{en,zh}/{intent}.html`.
pub(super) fn write_pages(root: &Path, truth: &mut Truth) -> Result<(), SampleError> {
    for (language, articles, frame) in [
        (Language::En, &help::EN, &FRAME_EN),
        (Language::Zh, &help::ZH, &FRAME_ZH),
    ] {
        let mut counts = FileTruth::default();
        for (index, intent) in INTENTS.iter().enumerate() {
            let page = page(language, index, articles, frame);
            let mut file = CountedFile::create(root, &format!("raw/pages/{}/{}.html", language.code(), intent.name))?;
            file.write(page.as_bytes())?;
            counts.bytes += file.finish()?;
            counts.rows += 1;
        }
        truth.add_folder(format!("raw/pages/{}", language.code()), counts);
    }
    Ok(())
}

fn page(language: Language, index: usize, articles: &[Article; 24], frame: &Frame) -> String {
    let article = &articles[index];
    let related: String = (0..INTENTS.len())
        .filter(|&k| k != index && INTENTS[k].group == INTENTS[index].group)
        .map(|k| {
            format!(
                "<li><a href=\"{}.html\">{}</a></li>\n",
                INTENTS[k].name, articles[k].title
            )
        })
        .collect();
    let steps: String = article.steps.iter().map(|step| format!("<li>{step}</li>\n")).collect();
    let Frame {
        shop,
        home,
        steps: what_to_do,
        related: related_title,
        cookies,
        footer,
    } = frame;
    let (title, lead, code) = (article.title, article.lead, language.code());
    format!(
        "<!DOCTYPE html>\n<html lang=\"{code}\">\n<head><meta charset=\"utf-8\"><title>{title} | {shop}</title>\n\
         <style>nav{{color:#456}} .cookie{{display:none}}</style>\n\
         <script>window.shop = {{page: \"{name}\", ready: 1 < 2}};</script></head>\n<body>\n\
         <nav><a href=\"/\">{shop}</a> &gt; <a href=\"/help/{code}\">{home}</a> &gt; {title}</nav>\n\
         <div class=\"cookie\">{cookies}</div>\n<main>\n<h1>{title}</h1>\n<p>{lead}</p>\n\
         <h2>{what_to_do}</h2>\n<ol>\n{steps}</ol>\n</main>\n\
         <aside><h3>{related_title}</h3>\n<ul>\n{related}</ul></aside>\n\
         <footer>&copy; 2026 {footer}</footer>\n</body>\n</html>\n",
        name = INTENTS[index].name,
    )
}
