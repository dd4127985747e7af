//! Draws the cost of an IO over each size as one SVG. Measures nothing.

use std::error::Error;
use std::path::Path;

use plotters::prelude::{
    ChartBuilder, Circle, IntoDrawingArea, IntoLogRange, LineSeries, RGBColor, SVGBackend, WHITE,
};

use crate::Series;

const WIDTH: u32 = 960;
const HEIGHT: u32 = 300;
const INK: RGBColor = RGBColor(31, 90, 166);

/// Writes the picture: a panel for each series, side by side.
pub fn draw(file: &Path, series: &[Series]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(file, (WIDTH, HEIGHT)).into_drawing_area();
    root.fill(&WHITE)?;
    let panels = root.split_evenly((1, series.len()));
    let most = series.iter().flat_map(|it| &it.points).map(|(_, cost)| cost.nanos_per_io).max();
    let top = most.unwrap_or(1) * 5 / 4;
    for (panel, Series { name, points }) in panels.iter().zip(series) {
        let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else { continue };
        let mut chart = ChartBuilder::on(panel)
            .caption(*name, ("sans-serif", 15))
            .margin(10)
            .x_label_area_size(30)
            .y_label_area_size(50)
            .build_cartesian_2d((*first..*last).log_scale(), 0..top)?;
        chart
            .configure_mesh()
            .y_desc("ns of CPU per IO")
            .max_light_lines(1)
            .light_line_style(WHITE)
            .draw()?;
        let line = points.iter().map(|(size, cost)| (*size, cost.nanos_per_io));
        chart.draw_series(LineSeries::new(line.clone(), &INK))?;
        chart.draw_series(line.map(|at| Circle::new(at, 3, INK)))?;
    }
    root.present()?;
    Ok(())
}
